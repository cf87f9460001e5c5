"""An event that comes again after its person was erased is a repeat, not another event."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from aio_pika import Message

from shared.contracts import published_types
from shared.contracts.files import FileUploaded
from shared.eventsourcing.event import RecordedEvent
from shared.messaging.consumer import Consumer
from shared.messaging.envelope import to_message
from shared.messaging.reactions import one_by_one
from shared.messaging.topology import dead_queue
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, a_message
from tests.support.events import recorded, uploaded
from tests.support.waiting import step_until


def _upload(user_id: UUID, name: str = "main.py", event_id: UUID | None = None) -> RecordedEvent:
    return recorded(uploaded(uuid4(), user_id, name), event_id=event_id)


def _named(event: RecordedEvent, name: str) -> Message:
    """The same event with another name in it."""
    assert isinstance(event.event, FileUploaded)
    renamed = event.event.model_copy(update={"name": name})
    again = recorded(renamed, event.stream_id, event_id=event.event_id)
    return to_message(again)


@asynccontextmanager
async def _consumer(
    broker: Broker, service: str, pools: Pools, effects: Effects
) -> AsyncIterator[Consumer]:
    types = published_types()
    consumer = Consumer(service, broker.url, pools("reports"), types, [], one_by_one(effects.note))
    yield consumer
    await consumer.close()


def _settled(
    consumer: Consumer, broker: Broker, service: str, effects: Effects, last: Message
) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        done = await effects.of(UUID(last.message_id))
        return (
            done == [1] and not consumer.unacknowledged_ids() and await broker.is_settled(service)
        )

    return check


async def _play(
    broker: Broker, pools: Pools, effects: Effects, service: str, *messages: Message
) -> int:
    """How many of the messages are dead-lettered."""
    last = a_message()
    await broker.put(service, *messages, last)
    async with _consumer(broker, service, pools, effects) as consumer:
        await step_until(consumer.step, _settled(consumer, broker, service, effects, last), 20)
    return await broker.size(dead_queue(service))


async def test_in_either_order_it_has_one_effect_and_nothing_is_dead_lettered(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, one, other = await broker.service(), _upload(uuid4()), _upload(uuid4())
    story = [to_message(one), _named(one, ""), _named(other, ""), to_message(other)]
    assert await _play(broker, pools, effects, service, *story, *story) == 0
    assert await effects.of(one.event_id, other.event_id) == [1, 1]


async def test_another_name_is_dead_lettered_as_ever(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, event = await broker.service(), _upload(uuid4())
    story = [to_message(event), _named(event, "other.py"), _named(event, "")]
    assert await _play(broker, pools, effects, service, *story) == 1
    other = to_message(_upload(uuid4(), "", event_id=event.event_id))
    assert await _play(broker, pools, effects, service, other) == 2  # of another file
