"""What has arrived together is noted together, and each message counts once."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, text

from shared.db import Database
from shared.eventsourcing.inbox import Digest, DigestMismatchError, Told, new_among
from tests.integration.conftest import Pools


def _told(event_id: UUID | None = None, body: str = "a") -> Told:
    digest = Digest(body.encode() * 32, body.encode() * 32, has_personal=False)
    return Told(event_id or uuid4(), digest, None)


async def _note(database: Database, *messages: Told) -> set[UUID]:
    async with database.transaction() as connection:
        return await new_among(connection, "test", messages)


async def test_of_a_set_what_was_not_there_is_new(pools: Pools) -> None:
    first, second, third = _told(), _told(), _told()
    assert await _note(pools("reports"), first) == {first.event_id}
    assert await _note(pools("reports"), second, first, third) == {second.event_id, third.event_id}
    assert await _note(pools("reports"), first, second, third) == set()
    assert await _note(pools("reports")) == set()


async def test_what_comes_twice_in_a_set_is_new_once(pools: Pools) -> None:
    told = _told()
    assert await _note(pools("reports"), told, _told(told.event_id)) == {told.event_id}


async def test_another_body_in_the_same_set_speaks_against_the_set(pools: Pools) -> None:
    told = _told()
    with pytest.raises(DigestMismatchError):
        await _note(pools("reports"), told, _told(), _told(told.event_id, "b"))
    assert await _note(pools("reports"), told) == {told.event_id}
    with pytest.raises(DigestMismatchError):
        await _note(pools("reports"), _told(), _told(told.event_id, "b"))


async def test_an_event_and_the_same_without_its_personal_fields_are_one(pools: Pools) -> None:
    event_id = uuid4()
    whole = Told(event_id, Digest(b"w" * 32, b"m" * 32, has_personal=True), None)
    masked = Told(event_id, Digest(b"m" * 32, b"m" * 32, has_personal=True), None)
    assert await _note(pools("reports"), whole, masked) == {event_id}
    assert await _note(pools("reports"), masked, whole) == set()


async def test_a_set_is_one_statement_and_a_second_one_where_some_were_there(
    pools: Pools,
) -> None:
    database, statements = pools("reports"), 0

    def executed(*_: object) -> None:
        nonlocal statements
        statements += 1

    async with database.transaction() as connection:
        await connection.execute(text("SELECT 1"))
    event.listen(database.engine.sync_engine, "after_cursor_execute", executed)
    messages = [_told() for _ in range(16)]
    await _note(database, *messages)
    assert statements == 1
    await _note(database, *messages, _told())
    assert statements == 3
