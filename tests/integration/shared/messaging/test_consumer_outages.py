"""What a consumer does when channel, queue, broker or database fail it."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import aio_pika
import pytest
import pytest_asyncio
from aio_pika import Message
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.files import FileUploaded
from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.ids import new_id
from shared.messaging import subscription
from shared.messaging.consumer import Consumer
from shared.messaging.envelope import MAX_BYTES
from shared.messaging.inbox import Digest, InboxMessage, record_new
from shared.messaging.reactions import ReactToOne, one_by_one
from shared.messaging.subscription import PREFETCH, PREFETCH_BYTES, TRANSACTION_BYTES
from shared.messaging.topology import EVENTS, dead_queue, declare_queue
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, a_message, raw_message
from tests.support.databases import PrivateDatabase
from tests.support.proxy import proxy_to
from tests.support.waiting import eventually, step_until

TYPES = EventTypes([FileUploaded])
Make = Callable[..., Consumer]


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    """`make(service, url, database, react)`: a consumer that is closed in the end."""
    async with AsyncExitStack() as stack:

        def made(
            service: str, url: str, database: Database, react: ReactToOne, *keys: str, **limits: Any
        ) -> Consumer:
            consumer = Consumer(service, url, database, TYPES, keys, one_by_one(react), **limits)
            stack.push_async_callback(consumer.close)
            return consumer

        yield made


def _id(message: Message) -> UUID:
    return UUID(message.message_id)


def _applied(effects: Effects, *messages: Message) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return min(await effects.of(*map(_id, messages))) >= 1

    return check


class Transactions:
    """Which events had their effect in one transaction."""

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self._events: dict[str, list[UUID]] = defaultdict(list)

    async def react(self, connection: AsyncConnection, event: RecordedEvent) -> None:
        transaction = await connection.scalar(text("SELECT pg_current_xact_id()::text"))
        self._events[str(transaction)].append(event.event_id)
        await self._effects.note(connection, event)

    @property
    def batches(self) -> list[list[UUID]]:
        return list(self._events.values())


async def _arrived(consumer: Consumer, count: int) -> None:
    """Wait until the consumer has that many messages in hand."""
    await consumer._begin()
    await eventually(lambda: _is(len(consumer._subscription._waiting) == count))


async def test_a_channel_that_closes_while_the_database_is_away_dead_letters_nothing(
    broker: Broker, postgres: PrivateDatabase, effects: Effects, make: Make
) -> None:
    service, messages, closed = await broker.service(), [a_message() for _ in range(5)], False
    async with proxy_to(postgres.url("reports")) as (cable, dsn):
        database = Database(dsn)

        async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
            nonlocal closed
            if not closed:
                closed = True
                await cable.cut()
                await (await consumer._subscription._connection.channel()).close()
            await effects.note(connection, event)

        consumer = make(service, broker.url, database, react)
        await broker.put(service, *messages)
        assert not await _can_work(consumer)
        assert closed
        await cable.mend()
        await step_until(consumer.step, _applied(effects, *messages))
        assert await effects.of(*map(_id, messages)) == [1] * 5
        await database.close()
    assert await broker.size(dead_queue(service)) == 0


async def test_database_and_broker_away_for_longer_than_its_patience_dead_letter_nothing(
    broker: Broker,
    postgres: PrivateDatabase,
    effects: Effects,
    make: Make,
) -> None:
    """More often than queues of earlier versions would deliver a message."""
    service, first, messages = await broker.service(), a_message(), [a_message() for _ in range(5)]
    async with (
        proxy_to(broker.url) as (wire, url),
        proxy_to(postgres.url("reports")) as (cable, dsn),
    ):
        database = Database(dsn)
        consumer = make(service, url, database, effects.note, give_up_after=0.0)
        await broker.put(service, first)
        await step_until(consumer.step, _applied(effects, first))
        await cable.cut()
        await broker.put(service, *messages)
        for _ in range(22):
            assert not await _can_work(consumer)
        await wire.cut()
        assert not await _can_work(consumer)
        await cable.mend()
        assert not await _can_work(consumer)
        await wire.mend()
        await step_until(consumer.step, _applied(effects, *messages))
        await consumer.close()
        await database.close()
    assert await effects.of(_id(first), *map(_id, messages)) == [1] * 6
    assert await broker.size(dead_queue(service)) == 0


async def _can_work(consumer: Consumer) -> bool:
    """Whether it handles something; before the messages come it finds nothing to do."""
    try:
        while not await consumer.step():
            pass
    except Unavailable:
        return False
    return True


async def test_what_comes_again_is_handled_like_what_comes_first(
    broker: Broker, pools: Pools, effects: Effects, make: Make
) -> None:
    service = await broker.service()
    again, fresh = [a_message() for _ in range(6)], [a_message() for _ in range(6)]
    await broker.put(service, *again)
    await _give_back(broker, service, len(again))
    await broker.put(service, *fresh)
    seen = Transactions(effects)
    consumer = make(service, broker.url, pools("reports"), seen.react)
    await _arrived(consumer, 12)
    await step_until(consumer.step, _applied(effects, *again, *fresh))
    assert list(map(len, seen.batches)) == [12]


async def _give_back(broker: Broker, service: str, count: int) -> None:
    """Take messages and leave without a word."""
    connection = await aio_pika.connect(broker.url)
    async with connection:
        queue = await (await connection.channel()).get_queue(service)
        for _ in range(count):
            await eventually(lambda: queue.get(fail=False))
    await eventually(lambda: _has(broker, service, count))


async def _has(broker: Broker, service: str, count: int) -> bool:
    return await broker.size(service) == count


async def test_no_more_is_held_than_the_largest_messages_may_take(
    broker: Broker, pools: Pools, effects: Effects, make: Make
) -> None:
    service, messages = await broker.service(), [a_message() for _ in range(PREFETCH + 5)]
    assert PREFETCH * MAX_BYTES <= PREFETCH_BYTES
    await broker.put(service, *messages)
    consumer = make(service, broker.url, pools("reports"), effects.note)
    await _arrived(consumer, PREFETCH)
    assert await broker.size(service) == 5
    await step_until(consumer.step, _applied(effects, *messages))


async def test_a_batch_is_bounded_by_its_bytes(
    broker: Broker, pools: Pools, effects: Effects, make: Make
) -> None:
    service, messages = await broker.service(), [_large() for _ in range(10)]
    await broker.put(service, *messages)
    seen = Transactions(effects)
    consumer = make(service, broker.url, pools("reports"), seen.react)
    await _arrived(consumer, 10)
    await step_until(consumer.step, _applied(effects, *messages))
    sizes = {_id(message): len(message.body) for message in messages}
    assert max(sum(sizes[event] for event in batch) for batch in seen.batches) <= TRANSACTION_BYTES
    assert max(map(len, seen.batches)) > 1
    assert await effects.of(*sizes) == [1] * 10


def _large() -> Message:
    """A message of three megabytes; a field nobody knows is no reason to refuse it."""
    message = a_message()
    body = json.loads(message.body)
    body["data"]["padding"] = "x" * 3_000_000
    return raw_message(json.dumps(body).encode(), message_id=str(message.message_id))


async def test_a_queue_deleted_under_its_consumer_is_declared_again(
    broker: Broker, pools: Pools, effects: Effects, make: Make
) -> None:
    service, before, after = await broker.service(), a_message(), a_message()
    consumer = make(service, broker.url, pools("reports"), effects.note, "files.FileUploaded")
    await broker.put(service, before)
    await step_until(consumer.step, _applied(effects, before))
    assert consumer.is_ready
    await broker.channel.queue_delete(service)
    await eventually(lambda: _is(not consumer.is_ready))
    await step_until(consumer.step, lambda: _is(consumer.is_ready))
    events = await broker.channel.get_exchange(EVENTS)
    await events.publish(after, "files.FileUploaded")
    await step_until(consumer.step, _applied(effects, after))
    assert await effects.of(_id(before), _id(after)) == [1, 1]


async def test_a_consumer_that_the_broker_has_forgotten_listens_again(
    broker: Broker,
    pools: Pools,
    effects: Effects,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not told that its queue was deleted where that is there again at once."""
    monkeypatch.setattr(subscription.Subscription, "_on_cancel", lambda *_: None)
    service, before, after = await broker.service(), a_message(), a_message()
    consumer = make(service, broker.url, pools("reports"), effects.note, reconnect_after=2.0)
    await broker.put(service, before)
    await step_until(consumer.step, _applied(effects, before))
    await broker.channel.queue_delete(service)
    await declare_queue(broker.channel, service, [])
    await broker.put(service, after)
    await step_until(consumer.step, _applied(effects, after))
    assert await effects.of(_id(before), _id(after)) == [1, 1]


async def test_what_came_from_a_queue_before_it_was_deleted_is_not_lost(
    broker: Broker, pools: Pools, effects: Effects, make: Make
) -> None:
    service, messages = await broker.service(), [a_message() for _ in range(3)]
    consumer = make(service, broker.url, pools("reports"), effects.note)
    await broker.put(service, *messages)
    await _arrived(consumer, 3)
    await broker.channel.queue_delete(service)
    await eventually(lambda: _is(not consumer.is_ready))
    await step_until(consumer.step, lambda: _is(consumer.is_ready))
    assert await effects.of(*map(_id, messages)) == [1] * 3


async def test_messages_older_than_anything_that_can_come_again_are_forgotten(
    broker: Broker, pools: Pools, effects: Effects, make: Make
) -> None:
    service, database = await broker.service(), pools("reports")
    old = [(service, f"{31 + number} days") for number in range(5)]
    young = [(service, "29 days"), (service, "0 days"), ("another", "99 days")]
    async with database.transaction() as connection:
        for consumer_name, age in old + young:
            await _received(connection, consumer_name, age)
    consumer = make(service, broker.url, database, effects.note, prune_limit=2)

    async def remembered() -> list[str]:
        async with database.transaction() as connection:
            query = "SELECT extract(day FROM now() - received_at)::text FROM inbox"
            rows = await connection.execute(
                text(f"{query} WHERE consumer IN (:service, 'another') ORDER BY received_at"),
                {"service": service},
            )
            return list(rows.scalars())

    assert len(await remembered()) == 8
    await consumer.step()
    assert len(await remembered()) == 6  # a bounded bite at each rest
    await consumer.step()
    await consumer.step()
    assert await remembered() == ["99", "29", "0"]


async def _received(connection: AsyncConnection, consumer: str, age: str) -> None:
    event_id = new_id()
    digest = Digest(b"w" * 32, b"m" * 32, has_personal=False)
    assert await record_new(connection, consumer, [InboxMessage(event_id, digest)])
    aged = f"UPDATE inbox SET received_at = now() - interval '{age}' WHERE event_id = :event_id"
    await connection.execute(text(aged), {"event_id": event_id})


async def _is(condition: bool) -> bool:
    return condition
