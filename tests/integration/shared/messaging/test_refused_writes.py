"""A database that takes no writes for a while costs no message, and poison is found."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from aio_pika import Message
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from shared.contracts.files import FileUploaded
from shared.db import Database
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.messaging.consumer import Consumer
from shared.messaging.reactions import ReactToOne, one_by_one
from shared.messaging.topology import dead_queue
from shared.runtime import Loop, running
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, a_message, raw_message
from tests.support.databases import PrivateDatabase
from tests.support.waiting import eventually

TYPES = EventTypes([FileUploaded])
ROLE = "prereview_reports"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Without a program's settings the log draws each error with its variables: for seconds."""
    with capture_logs():
        yield


def _id(message: Message) -> UUID:
    return UUID(message.message_id)


@asynccontextmanager
async def read_only(database: PrivateDatabase) -> AsyncIterator[None]:
    """What a failover leaves for a while: new sessions, none of which may write."""
    admin = await database.admin()
    try:
        await _break_sessions(admin, "on")
        yield
        # Sessions that began meanwhile stay as they are: whoever keeps one must let it go.
        await admin.execute(f"ALTER ROLE {ROLE} RESET default_transaction_read_only")
    finally:
        await admin.execute(f"ALTER ROLE {ROLE} RESET default_transaction_read_only")
        await admin.close()


async def _break_sessions(admin: "asyncpg.Connection[asyncpg.Record]", value: str) -> None:
    await admin.execute(f"ALTER ROLE {ROLE} SET default_transaction_read_only = {value}")
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", ROLE
    )


@asynccontextmanager
async def consuming(
    service: str, url: str, database: Database, react: ReactToOne
) -> AsyncIterator[Consumer]:
    consumer = Consumer(service, url, database, TYPES, [], one_by_one(react))
    async with running([Loop("consumer", consumer.step, pause=0.0, close=consumer.close)]):
        yield consumer


def _poisoned_by(effects: Effects, poison: UUID) -> ReactToOne:
    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        await effects.note(connection, event)
        if event.event_id == poison:
            await connection.execute(text("SELECT 1 / (length(:name) - 7)"), {"name": "main.py"})

    return react


async def test_twenty_seconds_without_writes_dead_letter_nothing_but_the_poison(
    broker: Broker, postgres: PrivateDatabase, effects: Effects
) -> None:
    service, messages = await broker.service(), [a_message() for _ in range(30)]
    poison = messages[13]
    good = [_id(message) for message in messages if message is not poison]
    database = Database(postgres.url("reports"))

    async def applied() -> bool:
        return await effects.of(*good) == [1] * 29

    react = _poisoned_by(effects, _id(poison))
    async with consuming(service, broker.url, database, react):
        async with read_only(postgres):
            await broker.put(service, *messages[:15])
            await asyncio.sleep(10)
            await broker.put(service, *messages[15:], raw_message(b"{nonsense"))
            await asyncio.sleep(10)
            assert await broker.size(dead_queue(service)) <= 1
        await eventually(applied, 5)
        letters = [await broker.take(dead_queue(service)) for _ in range(2)]
        await eventually(lambda: broker.is_settled(service))
    await database.close()
    assert {letter.body for letter in letters} == {poison.body, b"{nonsense"}
    assert await effects.of(*good, _id(poison)) == [1] * 29 + [0]
    assert await broker.size(dead_queue(service)) == 0
