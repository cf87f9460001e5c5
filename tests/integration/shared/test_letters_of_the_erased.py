"""What was laid aside about a person goes when the person does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from aio_pika import Message

from shared.contracts import published_types
from shared.contracts.auth import UserErased
from shared.eventsourcing.erasure import erase_person
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters import fetch
from shared.messaging.envelope import to_message
from shared.messaging.erased_letters import named_in
from shared.messaging.topology import dead_queue
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, raw_message
from tests.support.events import ANN, BOB, recorded, uploaded
from tests.support.waiting import eventually, step_until


def _letter(user_id: UUID) -> Message:
    return to_message(recorded(uploaded(uuid4(), user_id)))


async def test_letters_about_an_erased_person_are_dropped_and_others_stay(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service = await broker.service("auth.UserErased")
    of_bob, nonsense = _letter(BOB), raw_message(b"\xff nonsense")
    await broker.put(dead_queue(service), _letter(ANN), of_bob, _letter(ANN), nonsense)
    erased = to_message(recorded(UserErased(user_id=ANN)))
    await broker.put(service, erased)
    consumer = Consumer(service, broker.url, pools("reports"), published_types(), [], effects.note)

    async def settled() -> bool:
        return await broker.is_settled(service) and await broker.size(dead_queue(service)) == 2

    try:
        await step_until(consumer.step, settled, seconds=20)
    finally:
        await consumer.close()
    left = await eventually(lambda: fetch(broker.channel, service))
    assert {letter.message_id for letter in left} == {of_bob.message_id, nonsense.message_id}


def _in_other_words(user_id: UUID) -> list[Message]:
    """Letters that name a person as nobody expects."""
    future = json.loads(_letter(user_id).body)
    future |= {"type": "prereview.files.FileUploaded.v999", "userid": None}
    return [
        raw_message(json.dumps(future).encode()),
        raw_message(b'{"broken": "' + str(user_id).upper().encode()),
        raw_message(b"\xff" + user_id.hex.encode() + b"\xff"),
        raw_message(b'{"subject": "user-' + str(user_id).encode() + b'"}'),
        Message(_letter(user_id).body, message_id=str(uuid4()), content_type="text/plain"),
    ]


@pytest.fixture
async def erased(pools: Pools) -> UUID:
    """Somebody who was erased before."""
    user_id = uuid4()
    async with pools("reports").transaction() as connection:
        await erase_person(connection, published_types(), user_id)
    return user_id


@asynccontextmanager
async def _consuming(
    broker: Broker, service: str, pools: Pools, effects: Effects
) -> AsyncIterator[Consumer]:
    types = published_types()
    consumer = Consumer(service, broker.url, pools("reports"), types, [], effects.note)
    try:
        yield consumer
    finally:
        await consumer.close()


async def test_what_comes_late_about_an_erased_person_is_not_laid_aside(
    broker: Broker, pools: Pools, effects: Effects, erased: UUID
) -> None:
    service = await broker.service()
    await broker.put(service, *_in_other_words(erased), *_in_other_words(BOB))

    async def settled() -> bool:
        return await broker.is_settled(service) and await broker.size(dead_queue(service)) == 5

    async with _consuming(broker, service, pools, effects) as consumer:
        await step_until(consumer.step, settled, seconds=20)
    left = await eventually(lambda: fetch(broker.channel, service))
    assert not [letter for letter in left if erased in named_in(letter.body)]


async def test_letters_that_the_broker_laid_aside_after_the_erasure_are_swept(
    broker: Broker, pools: Pools, effects: Effects, erased: UUID
) -> None:
    service = await broker.service()
    others = [_letter(BOB) for _ in range(120)]
    mixed = [
        one for pair in zip(others, [_letter(erased) for _ in others], strict=True) for one in pair
    ]
    await broker.put(dead_queue(service), *mixed, *_in_other_words(erased))

    async def swept() -> bool:
        return await broker.size(dead_queue(service)) == len(others)

    async with _consuming(broker, service, pools, effects) as consumer:
        await step_until(consumer.step, swept, seconds=20)
    left = await eventually(lambda: fetch(broker.channel, service))
    assert sorted(str(one.message_id) for one in left) == sorted(
        str(one.message_id) for one in others
    )
