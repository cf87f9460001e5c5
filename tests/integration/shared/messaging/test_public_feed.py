"""The feed: every event for those outside, and nothing about a person in it."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio
from aio_pika.abc import AbstractIncomingMessage

from services.files.domain.file import EVENTS, stream
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import Batch, EventStore
from shared.messaging.envelope import CONTENT_TYPE, read_envelope
from shared.messaging.outbox.relay import Relay
from shared.messaging.publisher import Publisher
from tests.support.broker import Broker, all_of, read_feed
from tests.support.databases import PrivateDatabase
from tests.support.events import uploaded

STORE = EventStore(EventTypes(EVENTS))


@pytest_asyncio.fixture
async def database(fresh_postgres: PrivateDatabase) -> AsyncIterator[Database]:
    made = Database(fresh_postgres.url("files"))
    yield made
    await made.close()


async def _from_feed(broker: Broker, message_id: str) -> AbstractIncomingMessage:
    found = await read_feed(broker.connection, lambda message: message.message_id == message_id)
    return found[-1]


async def test_services_get_the_name_and_the_feed_does_not(
    broker: Broker, database: Database
) -> None:
    file_id = uuid4()
    event = uploaded(file_id, name="payroll_of_ann.py")
    heard = await broker.listener("files.FileUploaded")
    async with database.transaction() as connection:
        [stored] = await STORE.append_many(connection, [Batch(stream(file_id), 0, [event])])
    relay = Relay("files", database, STORE, Publisher(broker.url, "files"))
    try:
        assert await relay.step()
    finally:
        await relay.close()

    [to_services] = await all_of(heard)
    public = await _from_feed(broker, str(stored.event_id))

    assert json.loads(to_services.body)["data"]["name"] == "payroll_of_ann.py"
    assert b"payroll" not in public.body
    envelope = read_envelope(public.body, CONTENT_TYPE)
    assert envelope.data == {**event.model_dump(mode="json"), "name": ""}
