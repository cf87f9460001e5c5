"""What was laid aside about a person goes when the person does."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import published_types
from shared.contracts.auth import UserErased
from shared.eventsourcing.erasure.erased_users import mark_erased
from shared.eventsourcing.event import RecordedEvent
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters.commands import fetch
from shared.messaging.dead_letters.erasure import STEP_LETTERS, DeadLetterErasure, ids_in
from shared.messaging.dead_letters.publisher import DeadLetterPublisher
from shared.messaging.envelope import to_message
from shared.messaging.publisher import Publisher
from shared.messaging.reactions import one_by_one
from shared.messaging.topology import dead_queue
from tests.integration.conftest import Pools
from tests.support.broker import Broker, raw_message
from tests.support.events import ANN, BOB, recorded, uploaded
from tests.support.waiting import eventually, step_until


def _letter(user_id: UUID) -> Message:
    return to_message(recorded(uploaded(uuid4(), user_id)))


@asynccontextmanager
async def _service(
    broker: Broker, name: str, pools: Pools
) -> AsyncIterator[tuple[Consumer, DeadLetterErasure]]:
    """A service that forgets people, and does nothing else."""
    database, types = pools("reports"), published_types()
    letters = DeadLetterErasure(name, broker.url, database)

    async def react(connection: AsyncConnection, told: RecordedEvent) -> None:
        if isinstance(told.event, UserErased):
            await mark_erased(connection, told.event.user_id)

    def follow_up(events: Sequence[RecordedEvent]) -> None:
        if any(isinstance(recorded.event, UserErased) for recorded in events):
            letters.request_pass()

    consumer = Consumer(
        name,
        broker.url,
        database,
        types,
        [],
        one_by_one(react),
        after_commit=follow_up,
        dead_letters=DeadLetterPublisher(name, broker.url, database, letters.request_pass),
    )
    try:
        yield consumer, letters
    finally:
        await consumer.close()
        await letters.close()


async def _pass(letters: DeadLetterErasure) -> None:
    while await letters.step():
        pass


async def test_letters_about_an_erased_person_are_dropped_and_others_stay(
    broker: Broker, pools: Pools
) -> None:
    service = await broker.service("auth.UserErased")
    of_bob, nonsense = _letter(BOB), raw_message(b"\xff nonsense")
    await broker.put(dead_queue(service), _letter(ANN), of_bob, _letter(ANN), nonsense)
    erased = to_message(recorded(UserErased(user_id=ANN)))
    await broker.put(service, erased)

    async def settled() -> bool:
        return await broker.is_settled(service)

    async with _service(broker, service, pools) as (consumer, letters):
        await _pass(letters)
        await step_until(consumer.step, settled, seconds=20)
        await _pass(letters)
    left = await eventually(lambda: _all(broker, service, 2))
    assert left is not None
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
        await mark_erased(connection, user_id)
    return user_id


async def test_what_comes_late_about_an_erased_person_is_not_laid_aside(
    broker: Broker, pools: Pools, erased: UUID
) -> None:
    service = await broker.service()
    await broker.put(service, *_in_other_words(erased), *_in_other_words(BOB))

    async def settled() -> bool:
        return await broker.is_settled(service) and await broker.size(dead_queue(service)) == 5

    async with _service(broker, service, pools) as (consumer, _):
        await step_until(consumer.step, settled, seconds=20)
    left = await eventually(lambda: fetch(broker.channel, service))
    assert not [letter for letter in left if erased in ids_in(letter.body)]


async def test_a_letter_that_waited_for_the_broker_longer_than_its_person_stayed_is_dropped(
    broker: Broker, pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker without memory takes no letters, and the pass after the erasure finds none."""
    may, publish, person = asyncio.Event(), Publisher.publish, uuid4()

    async def waits(self: Publisher, *values: Any) -> None:
        await may.wait()
        await publish(self, *values)

    monkeypatch.setattr(Publisher, "publish", waits)
    service = await broker.service()
    late = raw_message(b"\xff nonsense about " + str(person).encode())
    await broker.put(service, late)

    async def settled() -> bool:
        return await broker.is_settled(service)

    async with _service(broker, service, pools) as (consumer, letters):
        async with asyncio.timeout(20):
            while not consumer.unacknowledged_ids():
                await consumer.step()
        async with pools("reports").transaction() as connection:
            await mark_erased(connection, person)
        letters.request_pass()
        await _pass(letters)
        may.set()
        await step_until(consumer.step, settled, seconds=20)
        await _pass(letters)
    assert await broker.size(dead_queue(service)) == 0


async def test_letters_that_the_broker_laid_aside_after_the_erasure_are_swept(
    broker: Broker, pools: Pools, erased: UUID
) -> None:
    service = await broker.service()
    others = [_letter(BOB) for _ in range(120)]
    mixed = [
        one for pair in zip(others, [_letter(erased) for _ in others], strict=True) for one in pair
    ]
    await broker.put(dead_queue(service), *mixed, *_in_other_words(erased))

    async with _service(broker, service, pools) as (_, letters):
        await _pass(letters)
    left = await eventually(lambda: _all(broker, service, len(others)))
    assert left is not None
    assert sorted(str(one.message_id) for one in left) == sorted(
        str(one.message_id) for one in others
    )


async def test_a_pass_goes_in_slices_and_gives_back_what_it_held(
    broker: Broker, pools: Pools, erased: UUID
) -> None:
    """Two whole slices and a part of one; the last letter is a guilty one."""
    service = await broker.service()
    of_bob = [_letter(BOB) for _ in range(2 * STEP_LETTERS + 9)]
    await broker.put(dead_queue(service), *of_bob, _letter(erased))
    # A slow machine ends a step sooner.
    letters = DeadLetterErasure(service, broker.url, pools("reports"), step_seconds=60.0)
    try:
        sizes = []
        while await letters.step():
            sizes.append(await broker.size(dead_queue(service)))
        assert sizes[:2] == [len(of_bob) + 1 - STEP_LETTERS, len(of_bob) + 1 - 2 * STEP_LETTERS]
        assert len(sizes) == 3
        assert not await letters.step()  # until somebody is erased, or an hour has passed
        letters.request_pass()
        assert await letters.step()
    finally:
        await letters.close()
    left = await eventually(lambda: _all(broker, service, len(of_bob)))
    assert left is not None
    assert {one.message_id for one in left} == {one.message_id for one in of_bob}


async def test_a_pass_that_breaks_off_begins_anew(
    broker: Broker, pools: Pools, erased: UUID
) -> None:
    """The broker has the letters back, and nothing waits for the next hour."""
    service = await broker.service()
    await broker.put(
        dead_queue(service), *(_letter(BOB) for _ in range(STEP_LETTERS)), _letter(erased)
    )
    dying = DeadLetterErasure(service, broker.url, pools("reports"))
    assert await dying.step()
    await dying.close()  # as when the process is killed
    async with _service(broker, service, pools) as (_, letters):
        await _pass(letters)
    assert await eventually(lambda: _all(broker, service, STEP_LETTERS))


async def _all(broker: Broker, service: str, count: int) -> list[AbstractIncomingMessage] | None:
    """All letters, once there are so many; those held go back to the queue at once."""
    channel = await broker.connection.channel()
    found = await fetch(channel, service)
    await channel.close()
    return found if len(found) == count else None
