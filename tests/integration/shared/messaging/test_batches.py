"""Messages with several events: each event has its effect once, or is dead-lettered by itself."""

import asyncio
import json
from uuid import UUID, uuid4

from aio_pika import Message

from services.files.domain.file import EVENTS as FILE_EVENTS
from shared.contracts.files import FileUploaded
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import Batch, EventStore
from shared.messaging.batches import BATCH_BYTES, BATCH_CONTENT_TYPE, join_messages, split_message
from shared.messaging.consumer import Consumer
from shared.messaging.envelope import CONTENT_TYPE
from shared.messaging.outbox.relay import Relay
from shared.messaging.publisher import Publisher
from shared.messaging.reactions import one_by_one
from shared.messaging.topology import dead_queue
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, a_message, all_of
from tests.support.databases import PrivateDatabase
from tests.support.events import replaced, uploaded

TYPES = EventTypes([FileUploaded])
NO_BATCHES = (
    b"[]", b"[1]", b"[" * 9000, b"{", b'[{"id": "\\ud800"}]',
    b'[{"data": ' + b"[" * 975 + b"]" * 975 + b"}]",
)  # fmt: skip


async def _drain(consumer: Consumer) -> None:
    """Until nothing arrives for a second."""
    async with asyncio.timeout(20):
        while await consumer.step():
            pass


def _id(message: Message) -> UUID:
    return UUID(message.message_id)


async def test_each_event_of_a_message_has_its_effect_once(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, events = await broker.service(), [a_message() for _ in range(30)]
    story = [
        join_messages(events[:20]),
        join_messages(events[10:]),
        events[3],
        join_messages([events[5]] * 3),
    ]
    await broker.put(service, *story, join_messages(events))
    consumer = Consumer(service, broker.url, pools("reports"), TYPES, [], one_by_one(effects.note))
    await _drain(consumer)
    await consumer.close()
    assert await broker.size(service) == 0
    assert await effects.of(*map(_id, events)) == [1] * 30
    assert await broker.size(dead_queue(service)) == 0


async def test_what_can_not_be_read_is_dead_lettered_without_its_neighbours(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, events = await broker.service(), [a_message() for _ in range(5)]
    broken = json.loads(events[2].body)
    del broken["data"]["name"]
    events[2].body = json.dumps(broken).encode()
    await broker.put(service, join_messages(events))
    consumer = Consumer(service, broker.url, pools("reports"), TYPES, [], one_by_one(effects.note))
    await _drain(consumer)
    letter = await broker.take(dead_queue(service))
    await consumer.close()
    assert (letter.message_id, letter.content_type) == (events[2].message_id, CONTENT_TYPE)
    assert json.loads(letter.body) == broken
    assert await effects.of(*map(_id, events)) == [1, 1, 0, 1, 1]


async def test_a_batch_that_is_none_is_dead_lettered(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, good = await broker.service(), a_message()
    for body in NO_BATCHES:
        await broker.put(service, Message(body, content_type=BATCH_CONTENT_TYPE))
    await broker.put(service, good)
    consumer = Consumer(service, broker.url, pools("reports"), TYPES, [], one_by_one(effects.note))
    await _drain(consumer)
    await consumer.close()
    assert await broker.size(service) == 0
    assert await broker.size(dead_queue(service)) == len(NO_BATCHES)
    assert await effects.of(_id(good)) == [1]


async def test_an_event_with_a_name_that_no_letter_can_have_is_dead_lettered(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, good = await broker.service(), a_message()
    for name in ("x" * 300, "\n", "", "7"):
        fields = {"id": name, "type": name, "data": {}}
        bad = Message(json.dumps(fields).encode(), type=good.type)
        await broker.put(service, join_messages([bad, good]))
    consumer = Consumer(service, broker.url, pools("reports"), TYPES, [], one_by_one(effects.note))
    await _drain(consumer)
    await consumer.close()
    assert await broker.size(service) == 0
    assert await broker.size(dead_queue(service)) == 4
    assert await effects.of(_id(good)) == [1]


async def test_a_message_handled_in_part_is_delivered_again_and_has_no_second_effect(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, events = await broker.service(), [a_message() for _ in range(4)]
    first = Consumer(service, broker.url, pools("reports"), TYPES, [], one_by_one(effects.note))
    await broker.put(service, join_messages(events[:2]))
    await _drain(first)
    await broker.put(service, join_messages(events))
    await first.close()
    second = Consumer(service, broker.url, pools("reports"), TYPES, [], one_by_one(effects.note))
    await _drain(second)
    await second.close()
    assert await effects.of(*map(_id, events)) == [1] * 4


async def test_the_relay_joins_neighbours_of_one_kind_and_keeps_the_order(
    broker: Broker, fresh_postgres: PrivateDatabase
) -> None:
    database, store = Database(fresh_postgres.url("files")), EventStore(EventTypes(FILE_EVENTS))
    heard, files = await broker.listener("files.*"), [uuid4() for _ in range(20)]
    async with database.transaction() as connection:
        first = [Batch(f"file-{file}", 0, [uploaded(file)]) for file in files]
        second = [Batch(f"file-{file}", 1, [replaced(file, 2)]) for file in files[:1]]
        large = [Batch(f"file-{uuid4()}", 0, [uploaded(uuid4(), name="x" * BATCH_BYTES)])]
        stored = [
            recorded.event_id
            for batches in (first, second, large)
            for recorded in await store.append_many(connection, batches)
        ]
    relay = Relay("files", database, store, Publisher(broker.url, "files"))
    try:
        assert await relay.step()
        messages = await all_of(heard)
    finally:
        await relay.close()
        await database.close()
    assert [message.content_type for message in messages] == [
        BATCH_CONTENT_TYPE, CONTENT_TYPE, CONTENT_TYPE
    ]  # fmt: skip
    told = [UUID(event.message_id or "") for one in messages for event in split_message(one)]
    assert told == stored
