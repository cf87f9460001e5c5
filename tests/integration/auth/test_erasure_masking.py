"""A long history is masked in steps, in turn with those of others, and after any kill."""

from uuid import UUID, uuid4

from sqlalchemy import text

from services.auth.use_cases.erasure import MaskingLoop, begin_masking
from shared.db import Database
from shared.eventsourcing.erasure.masking import STEP_EVENTS
from shared.eventsourcing.event import Event, EventTypes, Personal
from tests.integration.conftest import Pools

LONG = 3 * STEP_EVENTS + 7

_FILL = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
SELECT gen_random_uuid(), 'user-' || CAST(:user_id AS text), n, 'Nicknamed', 1, '{"name": "Annie"}',
       jsonb_build_object('user_id', CAST(:user_id AS text)), now()
FROM generate_series(1, CAST(:long AS int)) AS n
"""
_READABLE = """
SELECT count(*) FROM events WHERE metadata ->> 'user_id' = CAST(:user_id AS text)
AND data ->> 'name' <> ''
"""


class Nicknamed(Event):
    """What auth doesn't have yet: an event with a personal field."""

    name: Personal[str]


TYPES = EventTypes([Nicknamed])


async def _erased(database: Database, long: int) -> UUID:
    """Somebody with so many events, as the answer to their request leaves them."""
    user_id = uuid4()
    async with database.transaction() as connection:
        await connection.execute(text(_FILL), {"user_id": str(user_id), "long": long})
        await begin_masking(connection, TYPES, user_id)
    return user_id


async def _readable(database: Database, user_id: UUID) -> int:
    async with database.transaction() as connection:
        return await connection.scalar(text(_READABLE), {"user_id": str(user_id)}) or 0


async def test_a_short_history_is_masked_with_the_answer(pools: Pools) -> None:
    user_id = await _erased(pools("auth"), STEP_EVENTS)
    assert await _readable(pools("auth"), user_id) == 0


async def test_a_long_one_is_left_to_the_loop_which_takes_turns(pools: Pools) -> None:
    database = pools("auth")
    people = [await _erased(database, LONG) for _ in range(2)]
    assert [await _readable(database, one) for one in people] == [LONG - STEP_EVENTS] * 2
    assert await MaskingLoop(database, TYPES).step()
    left = [await _readable(database, one) for one in people]
    while await MaskingLoop(database, TYPES).step():  # each time as if the process were a new one
        left = [await _readable(database, one) for one in people]
        assert abs(left[0] - left[1]) <= STEP_EVENTS
    assert left == [0, 0]
    async with database.transaction() as connection:
        waiting = "SELECT count(waiting_since) FROM erased_users"
        assert await connection.scalar(text(waiting)) == 0
