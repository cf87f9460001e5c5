"""What is not proven to be a message's own fault waits, however long, and is done soon after."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from aio_pika import Message
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from shared.contracts.files import FileUploaded
from shared.db import DatabaseRefusesWrites, DatabaseUnavailable
from shared.errors import ConcurrencyConflict, Unavailable
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.messaging.consumer import Consumer
from shared.messaging.reactions import ReactToOne, one_by_one
from shared.messaging.topology import dead_queue
from shared.runtime import Loop, running
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, a_message
from tests.support.databases import PrivateDatabase
from tests.support.waiting import eventually

TYPES = EventTypes([FileUploaded])
SOON = 5.0  # seconds


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Without a program's settings the log draws each error with its variables: for seconds."""
    with capture_logs():
        yield


@asynccontextmanager
async def consuming(
    service: str, broker: Broker, pools: Pools, react: ReactToOne
) -> AsyncIterator[Consumer]:
    """Its messages are given back and fetched again all the time."""
    consumer = Consumer(
        service, broker.url, pools("reports"), TYPES, [], one_by_one(react), give_up_after=0.0
    )
    loop = Loop("consumer", consumer.step, pause=0.0, close=consumer.close, unavailable_backoff=0.3)
    async with running([loop]):
        yield consumer


def _ids(messages: list[Message]) -> list[UUID]:
    return [UUID(message.message_id) for message in messages]


def _applied(effects: Effects, messages: list[Message]) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await effects.of(*_ids(messages)) == [1] * len(messages)

    return check


@asynccontextmanager
async def no_room_in(postgres: PrivateDatabase, *tables: str) -> AsyncIterator[None]:
    """Every write to these tables fails with the server's word for a full disk."""
    admin = await postgres.admin()
    await admin.execute(
        "CREATE OR REPLACE FUNCTION reports.no_room() RETURNS trigger LANGUAGE plpgsql"
        " SECURITY DEFINER AS $$ BEGIN COPY (SELECT 1) TO '/dev/full'; RETURN NULL; END $$"
    )
    for table in tables:
        await admin.execute(
            f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON reports.{table}"
            " EXECUTE FUNCTION reports.no_room()"
        )
    try:
        yield
    finally:
        for table in tables:
            await admin.execute(f"DROP TRIGGER no_room ON reports.{table}")
        await admin.close()


async def _says(consumer: Consumer, expected: type[Exception]) -> bool:
    return isinstance(consumer.last_error, expected)


async def test_a_full_disk_dead_letters_nothing_and_nothing_is_fetched_meanwhile(
    broker: Broker, postgres: PrivateDatabase, pools: Pools, effects: Effects
) -> None:
    service, messages = await broker.service(), [a_message() for _ in range(30)]
    async with consuming(service, broker, pools, effects.note) as consumer:
        await eventually(lambda: _is(consumer.is_ready))
        async with no_room_in(postgres, "inbox", "checkpoints", "effects"):
            await broker.put(service, *messages)
            await eventually(lambda: _says(consumer, DatabaseRefusesWrites))
            await asyncio.sleep(3)
            assert await _says(consumer, DatabaseRefusesWrites)
            assert await _consumers(broker, service) == 0
            assert await broker.size(service) == len(messages)
        await eventually(_applied(effects, messages), SOON)
        await eventually(lambda: _is(consumer.is_ready))
    assert await broker.size(dead_queue(service)) == 0


async def _consumers(broker: Broker, service: str) -> int:
    queue = await broker.channel.declare_queue(service, passive=True)
    return queue.declaration_result.consumer_count or 0


async def test_a_fault_counts_only_where_the_database_could_have_written(
    broker: Broker, postgres: PrivateDatabase, pools: Pools, effects: Effects
) -> None:
    service, messages = await broker.service(), [a_message() for _ in range(3)]
    [first, poison, last] = _ids(messages)

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        await effects.note(connection, event)
        if event.event_id == poison:
            raise ValueError("can't swallow this")

    async with consuming(service, broker, pools, react) as consumer:
        await eventually(lambda: _is(consumer.is_ready))
        async with no_room_in(postgres, "checkpoints"):
            await broker.put(service, *messages)
            await asyncio.sleep(3)
            assert await broker.size(dead_queue(service)) == 0
        letter = await broker.take(dead_queue(service))
        await eventually(lambda: broker.is_settled(service))
    assert letter.message_id == str(poison)
    assert await effects.of(first, poison, last) == [1, 0, 1]


def _raising(error: BaseException) -> ReactToOne:
    async def react(_: AsyncConnection, __: RecordedEvent) -> None:
        raise error

    return react


def _doing(*statements: str) -> ReactToOne:
    async def react(connection: AsyncConnection, _: RecordedEvent) -> None:
        for statement in statements:
            await connection.execute(text(statement))

    return react


TROUBLES: dict[str, tuple[ReactToOne, type[Exception]]] = {
    "a table that is not there": (_doing("SELECT * FROM nothing_here"), Exception),
    "a right that is missing": (_doing("DELETE FROM events"), Exception),
    "a statement that takes too long": (
        _doing("SET LOCAL statement_timeout = '20ms'", "SELECT pg_sleep(5)"),
        DatabaseUnavailable,
    ),
    "a transaction that may only read": (
        _doing("SET LOCAL transaction_read_only = on", "DELETE FROM checkpoints"),
        DatabaseRefusesWrites,
    ),
    "a connection that breaks": (
        _doing("SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1"),
        DatabaseUnavailable,
    ),
    "no file": (_raising(FileNotFoundError("template")), Exception),
    "no time": (_raising(TimeoutError()), Exception),
    "no memory": (_raising(MemoryError()), MemoryError),
    "no module": (_raising(ImportError("half deployed")), ImportError),
    "something away": (_raising(Unavailable()), Unavailable),
    "others are faster": (_raising(ConcurrencyConflict()), ConcurrencyConflict),
}


@pytest.mark.parametrize("last_error", TROUBLES)
async def test_what_is_not_the_messages_fault_waits_until_it_is_mended(
    broker: Broker, pools: Pools, effects: Effects, last_error: str
) -> None:
    service, messages = await broker.service(), [a_message() for _ in range(5)]
    troubled, told = TROUBLES[last_error]
    mended, tries = False, 0

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        nonlocal tries
        if not mended:
            tries += 1
            await troubled(connection, event)
        await effects.note(connection, event)

    await broker.put(service, *messages)
    async with consuming(service, broker, pools, react) as consumer:
        await eventually(lambda: _is(tries >= 3), 15)
        assert await _says(consumer, told)
        assert sum(await effects.of(*_ids(messages))) == 0
        mended = True
        await eventually(_applied(effects, messages), SOON)
        await eventually(lambda: broker.is_settled(service))
    assert await broker.size(dead_queue(service)) == 0


async def _is(condition: bool) -> bool:
    return condition
