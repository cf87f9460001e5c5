"""What has arrived together is recorded together, and each message counts once."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, text

from shared.db import Database
from shared.messaging.inbox import Digest, DigestMismatchError, InboxMessage, record_new
from tests.integration.conftest import Pools


def _message(event_id: UUID | None = None, body: str = "a") -> InboxMessage:
    digest = Digest(body.encode() * 32, body.encode() * 32, has_personal=False)
    return InboxMessage(event_id or uuid4(), digest)


async def _record(database: Database, *messages: InboxMessage) -> set[UUID]:
    async with database.transaction() as connection:
        return await record_new(connection, "test", messages)


async def test_of_a_set_what_was_not_there_is_new(pools: Pools) -> None:
    first, second, third = _message(), _message(), _message()
    assert await _record(pools("reports"), first) == {first.event_id}
    assert await _record(pools("reports"), second, first, third) == {
        second.event_id,
        third.event_id,
    }
    assert await _record(pools("reports"), first, second, third) == set()
    assert await _record(pools("reports")) == set()


async def test_what_comes_twice_in_a_set_is_new_once(pools: Pools) -> None:
    message = _message()
    assert await _record(pools("reports"), message, _message(message.event_id)) == {
        message.event_id
    }


async def test_another_body_in_the_same_set_speaks_against_the_set(pools: Pools) -> None:
    message = _message()
    with pytest.raises(DigestMismatchError):
        await _record(pools("reports"), message, _message(), _message(message.event_id, "b"))
    assert await _record(pools("reports"), message) == {message.event_id}
    with pytest.raises(DigestMismatchError):
        await _record(pools("reports"), _message(), _message(message.event_id, "b"))


async def test_an_event_and_the_same_without_its_personal_fields_are_one(pools: Pools) -> None:
    event_id = uuid4()
    whole = InboxMessage(event_id, Digest(b"w" * 32, b"m" * 32, has_personal=True))
    masked = InboxMessage(event_id, Digest(b"m" * 32, b"m" * 32, has_personal=True))
    assert await _record(pools("reports"), whole, masked) == {event_id}
    assert await _record(pools("reports"), masked, whole) == set()


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
    messages = [_message() for _ in range(16)]
    await _record(database, *messages)
    assert statements == 1
    await _record(database, *messages, _message())
    assert statements == 3
