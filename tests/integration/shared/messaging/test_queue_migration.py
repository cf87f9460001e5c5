"""Queues of an earlier version are replaced, whatever interrupts it, and no message is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import aio_pika
import pytest
import pytest_asyncio
from aio_pika import Message
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity

from deploy.local.errors import CannotStart
from deploy.local.prepare import declare_exchanges
from shared.contracts import CONSUMED, published_types
from shared.errors import Unavailable
from shared.messaging import queue_migration
from shared.messaging.consumer import Consumer
from shared.messaging.queue_migration import QueueInUse, declare_or_replace_queue, holding_queue
from shared.messaging.reactions import one_by_one
from shared.messaging.topology import DEAD, EVENTS, dead_queue, declare_queue
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, a_message, all_of
from tests.support.proxy import proxy_to
from tests.support.waiting import eventually, step_until

KEY = "files.FileUploaded"


@dataclass
class Old:
    """A service's queue as earlier versions declared it, with messages in it."""

    broker: Broker
    service: str
    messages: list[Message]

    async def held(self) -> list[str | None]:
        queue = await self.broker.channel.get_queue(self.service, ensure=False)
        return [message.message_id for message in await all_of(queue)]

    async def publish(self) -> Message:
        message = a_message()
        events = await self.broker.channel.get_exchange(EVENTS, ensure=False)
        await events.publish(message, KEY)
        self.messages.append(message)
        return message


async def lay_old(broker: Broker, service: str) -> None:
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-routing-key": dead_queue(service),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    queue = await broker.channel.declare_queue(service, durable=True, arguments=arguments)
    await queue.bind(EVENTS, KEY)


@pytest_asyncio.fixture
async def old(broker: Broker) -> AsyncIterator[Old]:
    service = f"t{uuid4().hex[:10]}"
    await lay_old(broker, service)
    messages = [a_message() for _ in range(3 * queue_migration.STEP_MESSAGES + 5)]
    await broker.put(service, *messages)
    yield Old(broker, service, messages)
    for queue in (service, dead_queue(service), holding_queue(service)):
        await broker.channel.queue_delete(queue)


async def _is_there(connection: AbstractConnection, queue: str) -> bool:
    try:
        async with connection.channel() as channel:
            await channel.get_queue(queue)
    except ChannelNotFoundEntity:
        return False
    return True


async def _is_replaced(old: Old) -> bool:
    """Whether a service finds its queue as it declares it, and nothing else is left."""
    async with old.broker.connection.channel() as channel:
        await declare_queue(channel, old.service, [KEY])
    return not await _is_there(old.broker.connection, holding_queue(old.service))


async def test_an_old_queue_is_replaced_with_its_messages_and_bindings(old: Old) -> None:
    rich = Message(b"x", headers={"a": {"b": 1}}, content_type="text/plain", message_id="rich")
    await old.broker.put(old.service, rich)
    await declare_or_replace_queue(old.broker.connection, old.service, [KEY])
    assert await _is_replaced(old)
    await old.publish()
    queue = await old.broker.channel.get_queue(old.service, ensure=False)
    found = {message.message_id: message for message in await all_of(queue)}
    assert set(found) == {message.message_id for message in old.messages} | {"rich"}
    moved = found["rich"]
    assert (moved.body, moved.content_type, moved.headers["a"]) == (b"x", "text/plain", {"b": 1})


async def test_a_queue_that_is_right_keeps_its_messages(broker: Broker) -> None:
    service, message = await broker.service(KEY), a_message()
    await broker.put(service, message)
    await declare_or_replace_queue(broker.connection, service, [KEY])
    queue = await broker.channel.get_queue(service, ensure=False)
    assert [found.message_id for found in await all_of(queue)] == [message.message_id]


async def _keep(_: object) -> None:
    """What a copy of the earlier version does at this moment."""


async def test_a_queue_somebody_consumes_from_stays_as_it_is(old: Old) -> None:
    other = await aio_pika.connect(old.broker.url)
    async with other:
        channel = await other.channel()
        await channel.set_qos(prefetch_count=3)

        await (await channel.get_queue(old.service)).consume(_keep)
        with pytest.raises(QueueInUse, match="stop the services"):
            await declare_or_replace_queue(old.broker.connection, old.service, [KEY])
    await declare_or_replace_queue(old.broker.connection, old.service, [KEY])
    assert sorted(map(str, await old.held())) == sorted(str(m.message_id) for m in old.messages)


async def test_somebody_who_is_just_leaving_is_waited_for(old: Old) -> None:
    other = await aio_pika.connect(old.broker.url)
    channel = await other.channel()
    await channel.set_qos(prefetch_count=3)
    await (await channel.get_queue(old.service)).consume(_keep)
    move = asyncio.create_task(declare_or_replace_queue(old.broker.connection, old.service, [KEY]))
    await asyncio.sleep(queue_migration.LOOK_INTERVAL / 2)
    await other.close()
    await move
    assert await _is_replaced(old)


async def test_a_service_waits_until_its_old_queue_is_replaced(
    old: Old, pools: Pools, effects: Effects
) -> None:
    url, types = old.broker.url, published_types()
    consumer = Consumer(old.service, url, pools("reports"), types, [KEY], one_by_one(effects.note))
    for _ in range(2):
        with pytest.raises(Unavailable):
            await consumer.step()
    await declare_or_replace_queue(old.broker.connection, old.service, [KEY])
    ids = [UUID(message.message_id) for message in old.messages]

    async def are_handled() -> bool:
        return await effects.of(*ids) == [1] * len(ids)

    await step_until(consumer.step, are_handled)
    await consumer.close()
    assert await old.broker.is_settled(old.service)


class Cut(Exception):
    """Where the power goes."""


def _steps() -> dict[str, tuple[str, str, int]]:
    """Calls to the broker: whose they are, their name, and how many go well."""
    return {
        "before the second queue": ("channel", "declare_queue", 3),
        "before the second queue is bound": ("queue", "bind", 1),
        "among the first messages": ("exchange", "publish", 3),
        "before the first messages are taken": ("message", "ack", 0),
        "among messages that are taken": ("message", "ack", 5),
        "in the middle": ("exchange", "publish", 40),
        "before the old queue is deleted": ("queue", "delete", 0),
        "after the old queue was deleted": ("after", "delete", 0),
        "before the new queue": ("queue", "bind", 2),
        "before the new queue is bound": ("queue", "bind", 3),
        "before the second queue is unbound": ("queue", "unbind", 0),
        "on the way back": ("exchange", "publish", 60),
        "before those on the way back are taken": ("message", "ack", 55),
        "before the second queue is deleted": ("queue", "delete", 1),
        "after all": ("after", "delete", 1),
    }


@pytest.mark.parametrize("step", _steps())
async def test_a_move_that_breaks_off_loses_nothing_and_is_finished_by_the_next(
    old: Old, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    part, name, good = _steps()[step]
    async with await aio_pika.connect(old.broker.url) as dying:
        with monkeypatch.context() as patched:
            _cut(patched, part, name, good)
            with pytest.raises(Cut):
                await declare_or_replace_queue(dying, old.service, [KEY])
    await old.publish()  # what is told between two tries must arrive as well
    await declare_or_replace_queue(old.broker.connection, old.service, [KEY])
    assert await _is_replaced(old)
    held = await old.held()
    assert set(held) == {message.message_id for message in old.messages}
    assert await old.broker.size(dead_queue(old.service)) == 0


PARTS: dict[str, tuple[Any, bool]] = {
    "channel": (aio_pika.Channel, False),
    "queue": (aio_pika.Queue, False),
    "exchange": (aio_pika.Exchange, False),
    "message": (aio_pika.IncomingMessage, False),
    "after": (aio_pika.Queue, True),
}


def _cut(patched: pytest.MonkeyPatch, part: str, name: str, good: int) -> None:
    """Let a number of calls through; then the next does nothing, or is the last one."""
    kind, afterwards = PARTS[part]
    call: Callable[..., Any] = getattr(kind, name)
    left = good

    async def counted(self: object, *arguments: Any, **more: Any) -> Any:
        nonlocal left
        if left < 0 or (left == 0 and not afterwards):
            raise Cut
        left -= 1
        done = await call(self, *arguments, **more)
        if left < 0:
            raise Cut
        return done

    patched.setattr(kind, name, counted)


async def test_a_broker_that_goes_away_in_the_middle_loses_nothing(
    old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy_to(old.broker.url) as (proxy, url):
        dying = await aio_pika.connect(url)
        moved, some = 0, queue_migration._move_some

        async def counted(*arguments: Any) -> int:
            nonlocal moved
            moved += 1
            if moved == 2:
                await proxy.cut()
            return await some(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(queue_migration, "_move_some", counted)
            with pytest.raises((Exception, asyncio.CancelledError)):
                await declare_or_replace_queue(dying, old.service, [KEY])
    await eventually(lambda: _could_replace(old))  # once the broker has noticed that it is dead
    assert await _is_replaced(old)
    assert set(await old.held()) == {message.message_id for message in old.messages}


async def _could_replace(old: Old) -> bool:
    try:
        await declare_or_replace_queue(old.broker.connection, old.service, [KEY])
    except QueueInUse:
        return False
    return True


async def test_preparing_an_older_installation_replaces_every_queue(broker: Broker) -> None:
    for service in CONSUMED:
        await broker.channel.queue_delete(service)
        await lay_old(broker, service)
        await broker.put(service, a_message())
    consumer = await aio_pika.connect(broker.url)
    async with consumer:
        channel = await consumer.channel()
        await (await channel.get_queue("checker")).consume(_keep)
        with pytest.raises(CannotStart, match="checker"):
            await asyncio.to_thread(declare_exchanges, broker.url)
    await asyncio.to_thread(declare_exchanges, broker.url)
    for service in CONSUMED:
        async with broker.connection.channel() as fresh:
            await declare_queue(fresh, service, [])
        queue = await broker.channel.get_queue(service)
        assert len(await all_of(queue)) == 1
