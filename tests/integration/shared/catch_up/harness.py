"""A producer, a broker that loses what it published, and consumers that catch up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI
from sqlalchemy import event as sql_event
from sqlalchemy import text

from services.files.domain.file import EVENTS as FILE_EVENTS
from shared.catch_up.loop import CatchUp
from shared.catch_up.missed_events import ROUND_TIME
from shared.contracts.files import FileDeleted, FileUploaded
from shared.db import Database
from shared.eventsourcing.erasure.steps import Prepare
from shared.eventsourcing.event import Event, EventTypes
from shared.eventsourcing.store import EventStore
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters.publisher import DeadLetterPublisher
from shared.messaging.message_handler import MessageHandler
from shared.messaging.outbox.relay import Relay
from shared.messaging.outbox.relay_limits import RelayLimits
from shared.messaging.publisher import Publisher
from shared.messaging.reactions import ReactToOne, one_by_one
from shared.messaging.topology import EVENTS
from shared.messaging.transient_retry import TransientRetry
from shared.runtime import Loop, running
from shared.web.client import ServiceClient, http_client
from shared.web.producer import Producer
from tests.support.broker import Broker
from tests.support.keys import Keys
from tests.support.stored_rows import store_row

KEYS = ["files.FileUploaded", "files.FileDeleted"]
TYPES = EventTypes([FileUploaded, FileDeleted])
DELIVERY_TIME = 0.5  # seconds, instead of twenty


class ProducerTransport(httpx2.AsyncBaseTransport):
    """The transport to the producer, which can be down; keeps the requests."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx2.ASGITransport(app)
        self.is_down, self.requests, self.queries = False, list[str](), list[str]()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request.url.path)
        self.queries.append(request.url.query.decode())
        if self.is_down:
            raise httpx2.ConnectError("away")
        return await self._transport.handle_async_request(request)


@dataclass
class CatchUpHarness:
    """`files` publishes; the consumer has the name `service` and the identity of reports."""

    broker: Broker
    app: FastAPI
    keys: Keys
    files: Database
    database: Database
    service: str
    transport: ProducerTransport = field(init=False)
    unacknowledged_ids: Callable[[], set[str | None]] = set
    prepare: dict[type[Event], Prepare] = field(default_factory=dict)
    round_time: float = ROUND_TIME
    relay_limits: RelayLimits = field(default_factory=RelayLimits)
    paused: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.transport = ProducerTransport(self.app)

    async def publish_events(self, count: int, **columns: Any) -> list[UUID]:
        """Store and publish events; they reach at least the other queue."""
        now = {"recorded_at": datetime.now(UTC)}
        told = [await store_row(self.files, **{**now, **columns}) for _ in range(count)]
        await self.relay()
        return told

    async def lose(self, count: int, **columns: Any) -> list[UUID]:
        """The same while the queue of the service is unbound, and no copy binds it again."""
        async with self.paused:
            return await self.lose_while_paused(count, **columns)

    async def lose_while_paused(self, count: int, **columns: Any) -> list[UUID]:
        """The same for callers that hold `paused`."""
        await self.unbind()
        return await self.publish_events(count, **columns)

    async def relay(self) -> None:
        store = EventStore(EventTypes(FILE_EVENTS))
        relay = Relay(
            "files", self.files, store, Publisher(self.broker.url, "files"), self.relay_limits
        )
        async with asyncio.timeout(30):
            while await relay.step():
                pass
        await relay.close()

    async def unbind(self, key: str = "files.FileUploaded") -> None:
        queue = await self.broker.channel.get_queue(self.service, ensure=False)
        await queue.unbind(EVENTS, key)

    async def bind(self, key: str = "files.FileUploaded") -> None:
        queue = await self.broker.channel.get_queue(self.service, ensure=False)
        await queue.bind(EVENTS, key)

    def catch_up(self, react: ReactToOne, delivery_time: float = DELIVERY_TIME) -> CatchUp:
        identity = self.keys.identity("reports")
        client = ServiceClient("files", "http://files", identity, http_client(self.transport))
        producers = {"files": Producer(client)}
        return CatchUp(
            self.service,
            self.broker.url,
            KEYS,
            self.database,
            self.handler(react),
            producers,
            self._ids,
            delivery_time=delivery_time,
            round_time=self.round_time,
        )

    def _ids(self) -> set[str | None]:
        return self.unacknowledged_ids()

    def handler(self, react: ReactToOne) -> MessageHandler:
        retry = TransientRetry(self.service, lambda: False)
        letters = DeadLetterPublisher(self.service, self.broker.url, self.database)
        return MessageHandler(
            self.service, self.database, TYPES, one_by_one(react), retry, letters, self.prepare
        )

    @asynccontextmanager
    async def consuming(self, react: ReactToOne) -> AsyncIterator[Consumer]:
        """A copy that only reads its queue, and never declares a binding again."""
        consumer = Consumer(
            self.service, self.broker.url, self.database, TYPES, [], one_by_one(react)
        )
        async with running([Loop("consumer", consumer.step, pause=0.0, close=consumer.close)]):
            yield consumer

    @asynccontextmanager
    async def running_catch_up(
        self, react: ReactToOne, copies: int = 1, pause: float = 0.1
    ) -> AsyncIterator[Sequence[CatchUp]]:
        """Copies of the loop, from a checkpoint that has been set."""
        made = [self.catch_up(react) for _ in range(copies)]
        await made[0].step()
        loops = [Loop("up", self._stepping(one), pause=pause, close=one.close) for one in made]
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(running(loops))
            yield made

    def _stepping(self, loop: CatchUp) -> Callable[[], Awaitable[bool]]:
        async def step() -> bool:
            async with self.paused:
                return await loop.step()

        return step

    async def checkpoint(self) -> int | None:
        query = "SELECT position FROM checkpoints WHERE name = 'caught-up/files'"
        async with self.database.transaction() as connection:
            found: int | None = await connection.scalar(text(query))
        return found

    async def end(self) -> int:
        async with self.files.transaction() as connection:
            return await connection.scalar(text("SELECT max(position) FROM events")) or 0


@asynccontextmanager
async def counted(database: Database) -> AsyncIterator[list[str]]:
    """The statements that are done meanwhile."""
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = database.engine.sync_engine
    sql_event.listen(engine, "before_cursor_execute", note)
    yield statements
    sql_event.remove(engine, "before_cursor_execute", note)
