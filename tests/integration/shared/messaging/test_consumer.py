"""Messages from a real broker into a real database: each has its effect once, poison harms none."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from aio_pika import Message
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.auth import UserErased
from shared.contracts.files import FileUploaded
from shared.db import Database
from shared.eventsourcing.erasure.steps import Prepare
from shared.eventsourcing.event import Event, EventTypes, RecordedEvent
from shared.messaging.consumer import Consumer
from shared.messaging.envelope import MAX_BYTES, to_message
from shared.messaging.reactions import ReactToOne, one_by_one
from shared.messaging.topology import EVENTS, dead_queue
from shared.runtime import Loop, running
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, a_message, raw_message
from tests.support.databases import PrivateDatabase
from tests.support.events import deleted, recorded, uploaded
from tests.support.proxy import proxy_to
from tests.support.waiting import eventually, step_until

TYPES = EventTypes([FileUploaded])


@asynccontextmanager
async def consuming(
    service: str,
    url: str,
    database: Database,
    react: ReactToOne,
    types: EventTypes = TYPES,
    **limits: Any,
) -> AsyncIterator[Consumer]:
    consumer = Consumer(service, url, database, types, [], one_by_one(react), **limits)
    async with running([Loop("consumer", consumer.step, pause=0.0, close=consumer.close)]):
        yield consumer


def _id(message: Message) -> UUID:
    return UUID(message.message_id)


def _applied(effects: Effects, *messages: Message) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return min(await effects.of(*map(_id, messages))) >= 1

    return check


async def test_messages_have_their_effect_once_however_often_they_come(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service = await broker.service()
    messages = [a_message() for _ in range(120)]
    await broker.put(service, *messages, *messages[::2], *reversed(messages))
    async with consuming(service, broker.url, pools("reports"), effects.note):
        await eventually(_applied(effects, *messages))
        await eventually(lambda: broker.is_settled(service))
    assert await effects.of(*map(_id, messages)) == [1] * 120
    assert await broker.size(dead_queue(service)) == 0


async def test_it_says_when_effects_are_there(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, messages, looks = await broker.service(), [a_message(), a_message()], []

    def after_commit(_: Sequence[RecordedEvent]) -> None:
        looks.append(asyncio.ensure_future(effects.of(*map(_id, messages))))

    poison = _id(messages[0])

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        await effects.note(connection, event)
        if event.event_id == poison:
            raise RuntimeError("can't swallow this")

    await broker.put(service, *messages)
    consumer = Consumer(
        service,
        broker.url,
        pools("reports"),
        TYPES,
        [],
        one_by_one(react),
        after_commit=after_commit,
    )
    async with running([Loop("consumer", consumer.step, pause=0.0, close=consumer.close)]):
        await broker.take(dead_queue(service))
        await eventually(lambda: broker.is_settled(service))
    assert [await look for look in looks] == [[0, 1]]


async def test_what_is_published_finds_its_way_by_its_routing_key(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, wanted, other = await broker.service("files.FileUploaded"), a_message(), a_message()
    exchange = await broker.channel.get_exchange(EVENTS)
    await broker.listener("files.FileDeleted")
    await exchange.publish(other, "files.FileDeleted")
    await exchange.publish(wanted, "files.FileUploaded")
    async with consuming(service, broker.url, pools("reports"), effects.note):
        await eventually(_applied(effects, wanted))
    assert await effects.of(_id(wanted), _id(other)) == [1, 0]


async def test_a_poison_message_in_the_middle_harms_no_neighbour(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, tries = await broker.service(), 0
    messages = [a_message() for _ in range(41)]
    poison = _id(messages[20])

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        nonlocal tries
        await effects.note(connection, event)
        if event.event_id == poison:
            tries += 1
            raise RuntimeError("can't swallow this")

    await broker.put(service, *messages)
    async with consuming(service, broker.url, pools("reports"), react):
        letter = await broker.take(dead_queue(service))
        await eventually(lambda: broker.is_settled(service))
        neighbours = [_id(message) for message in messages if _id(message) != poison]
        await eventually(_applied(effects, *messages[:20], *messages[21:]))
    assert letter.message_id == str(poison)
    assert letter.headers["x-reason"] == "RuntimeError"  # what it says may be personal
    assert letter.body == messages[20].body
    assert tries in {3, 4}  # once in the batch, then three times at most on its own
    assert await effects.of(*neighbours) == [1] * 40
    assert await effects.of(poison) == [0]
    assert await broker.size(dead_queue(service)) == 0


async def test_a_handler_that_stumbles_once_is_asked_again(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, message, stumbled = await broker.service(), a_message(), False

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        nonlocal stumbled
        await effects.note(connection, event)
        if not stumbled:
            stumbled = True
            raise RuntimeError("once")

    await broker.put(service, message)
    async with consuming(service, broker.url, pools("reports"), react):
        await eventually(_applied(effects, message))
        await eventually(lambda: broker.is_settled(service))
    assert await effects.of(_id(message)) == [1]
    assert await broker.size(dead_queue(service)) == 0


def _changed(**fields: object) -> Message:
    body = json.loads(a_message().body)
    return raw_message(json.dumps({**body, **fields}).encode())


UNREADABLE = {
    "not JSON": raw_message(b"{nonsense"),
    "not UTF-8": raw_message(b'{"id": "\xff"}'),
    "empty": raw_message(b""),
    "no id": raw_message(b'{"specversion": "1.0"}'),
    "id not a UUID": _changed(id="17"),
    "unknown version": _changed(type="prereview.files.FileUploaded.v99"),
    "data that do not fit": _changed(data={"file_id": 1}),
    "too large": raw_message(b" " * (MAX_BYTES + 1)),
    "ten megabytes": raw_message(b"x" * 10_000_000),
    "wrong content type": raw_message(a_message().body, content_type="text/plain"),
    "no content type": Message(a_message().body),
    "other version of the envelope": _changed(specversion="0.3"),
    "sequence zero": _changed(sequence=0),
}


async def test_what_cannot_be_read_is_laid_aside_at_once_and_the_rest_goes_on(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service = await broker.service()
    good = [a_message() for _ in UNREADABLE]
    for message, fine in zip(UNREADABLE.values(), good, strict=True):
        await broker.put(service, message, fine)
    async with consuming(service, broker.url, pools("reports"), effects.note):
        letters = [await broker.take(dead_queue(service)) for _ in UNREADABLE]
        await eventually(_applied(effects, *good))
        await eventually(lambda: broker.is_settled(service))
    assert [letter.body for letter in letters] == [m.body for m in UNREADABLE.values()]
    for letter in letters:
        assert str(letter.headers["x-reason"]).startswith("Un")
        assert letter.headers["x-queue"] == service
        assert "x-death" not in letter.headers


async def test_what_an_older_version_can_not_be_lifted_from_is_laid_aside(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    def lift(data: dict[str, object]) -> dict[str, object]:
        return {**data, "name": data["title"]}

    service, fine = await broker.service(), a_message()
    older = _changed(type="prereview.files.FileUploaded.v7")
    types = EventTypes([FileUploaded], {("FileUploaded", 7): lift})
    await broker.put(service, older, fine)
    async with consuming(service, broker.url, pools("reports"), effects.note, types):
        letter = await broker.take(dead_queue(service))
        await eventually(_applied(effects, fine))
    assert letter.body == older.body
    assert letter.headers["x-reason"] == "UnreadableEventError: FileUploaded v7: KeyError"


async def test_nested_headers_are_nobodys_business(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, message = await broker.service(), a_message()
    message.headers = {"a": {"b": [{"c": "d"} for _ in range(50)]}, "x-delivery-count": 9}
    await broker.put(service, message)
    async with consuming(service, broker.url, pools("reports"), effects.note):
        await eventually(_applied(effects, message))


async def test_the_same_id_with_another_body_is_laid_aside(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, event = await broker.service(), recorded(uploaded(uuid4()))
    true = to_message(event)
    forged = to_message(recorded(uploaded(uuid4()), event_id=event.event_id))
    await broker.put(service, true, forged, true)
    async with consuming(service, broker.url, pools("reports"), effects.note):
        letter = await broker.take(dead_queue(service))
        await eventually(lambda: broker.is_settled(service))
    assert letter.body == forged.body
    assert str(letter.headers["x-reason"]).startswith("DigestMismatchError")
    assert await effects.of(event.event_id) == [1]


async def test_what_goes_before_the_transaction_is_not_done_for_another_body_or_a_repeat(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, prepared = await broker.service(), list[RecordedEvent]()

    async def prepare(_: Database, event: RecordedEvent) -> bool:
        prepared.append(event)
        return True

    first = recorded(UserErased(user_id=uuid4()))
    other = replace(first, event=UserErased(user_id=uuid4()))
    types = EventTypes([UserErased])
    before: dict[type[Event], Prepare] = {UserErased: prepare}
    consumer = Consumer(
        service, broker.url, pools("reports"), types, [], one_by_one(effects.note), before
    )
    await broker.put(service, to_message(first), to_message(other), to_message(first))

    async def all_done() -> bool:
        return not consumer.unacknowledged_ids() and await broker.is_settled(service)

    await step_until(consumer.step, all_done)
    await consumer.close()
    assert (await broker.take(dead_queue(service))).body == to_message(other).body
    assert await effects.of(first.event_id) == [1]
    assert [event.event for event in prepared] == [first.event]


async def test_what_was_begun_before_its_transaction_is_never_dead_lettered_and_holds_up_nobody(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, is_mended = await broker.service(), False

    async def prepare(_: Database, event: RecordedEvent) -> bool:
        return True

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        if isinstance(event.event, UserErased) and not is_mended:
            raise ValueError("for now")
        await effects.note(connection, event)

    erasure, others = recorded(UserErased(user_id=uuid4())), [a_message() for _ in range(3)]
    types, before = EventTypes([UserErased, FileUploaded]), dict[type[Event], Prepare]()
    before[UserErased] = prepare
    consumer = Consumer(service, broker.url, pools("reports"), types, [], one_by_one(react), before)
    await broker.put(service, others[0], to_message(erasure), *others[1:])
    await step_until(consumer.step, _applied(effects, *others))
    for _ in range(2):
        assert await consumer.step()
    assert await broker.size(dead_queue(service)) == 0
    is_mended = True
    await step_until(consumer.step, _applied(effects, to_message(erasure)))
    await consumer.close()


async def test_a_type_nobody_here_knows_is_acknowledged(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, last = await broker.service(), a_message()
    strangers = [
        to_message(recorded(deleted(uuid4(), 1))),
        _changed(type="prereview.files.FileFramed.v7", data={}),
        _changed(type="prereview.garden.RoseCut.v1", data={"thorns": 3}),
    ]
    await broker.put(service, *strangers, last)
    async with consuming(service, broker.url, pools("reports"), effects.note):
        await eventually(_applied(effects, last))
        await eventually(lambda: broker.is_settled(service))
    assert await broker.size(dead_queue(service)) == 0
    assert sum(await effects.of(*map(_id, strangers))) == 0


async def test_while_the_database_is_away_everything_waits_and_nothing_is_laid_aside(
    broker: Broker, postgres: PrivateDatabase, effects: Effects
) -> None:
    service = await broker.service()
    before, after = [a_message() for _ in range(5)], [a_message() for _ in range(5)]
    async with proxy_to(postgres.url("reports")) as (proxy, url):
        database = Database(url)
        async with consuming(service, broker.url, database, effects.note):
            await broker.put(service, *before)
            await eventually(_applied(effects, *before))
            await proxy.cut()
            await broker.put(service, *after)
            await asyncio.sleep(2)  # long enough for more tries than a poison message gets
            assert sum(await effects.of(*map(_id, after))) == 0
            assert await broker.size(dead_queue(service)) == 0
            await proxy.mend()
            await eventually(_applied(effects, *after), 20)
            await eventually(lambda: broker.is_settled(service))
        await database.close()
    assert await effects.of(*map(_id, before + after)) == [1] * 10
    assert await broker.size(dead_queue(service)) == 0


async def test_a_backend_killed_in_the_middle_of_a_batch_costs_nothing(
    broker: Broker, postgres: PrivateDatabase, pools: Pools, effects: Effects
) -> None:
    service, messages, killed = await broker.service(), [a_message() for _ in range(20)], False

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        nonlocal killed
        await effects.note(connection, event)
        if event.event_id == _id(messages[10]) and not killed:
            killed = True
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            admin = await postgres.admin()
            await admin.execute("SELECT pg_terminate_backend($1)", pid)
            await admin.close()
            await connection.execute(text("SELECT 1"))

    await broker.put(service, *messages)
    async with consuming(service, broker.url, pools("reports"), react):
        await eventually(_applied(effects, *messages))
        await eventually(lambda: broker.is_settled(service))
    assert killed
    assert await effects.of(*map(_id, messages)) == [1] * 20
    assert await broker.size(dead_queue(service)) == 0


async def test_when_the_broker_goes_away_work_goes_on_by_itself_afterwards(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, before, after = await broker.service(), a_message(), a_message()
    async with (
        proxy_to(broker.url) as (proxy, url),
        consuming(service, url, pools("reports"), effects.note) as consumer,
    ):
        await broker.put(service, before)
        await eventually(_applied(effects, before))
        assert consumer.is_ready
        await proxy.cut()
        await broker.put(service, after)
        await eventually(lambda: _is(not consumer.is_ready))
        await proxy.mend()
        await eventually(_applied(effects, before, after), 20)
        await eventually(lambda: broker.is_settled(service))
    assert await effects.of(_id(before), _id(after)) == [1, 1]
    assert await broker.size(dead_queue(service)) == 0


async def test_an_effect_committed_before_the_acknowledgement_was_lost_is_not_repeated(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    """The broker goes away after the commit and delivers all of it again."""
    service, messages, cut = await broker.service(), [a_message() for _ in range(10)], False
    async with proxy_to(broker.url) as (proxy, url):

        async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
            nonlocal cut
            await effects.note(connection, event)
            if event.event_id == _id(messages[-1]) and not cut:
                cut = True
                await proxy.cut()

        await broker.put(service, *messages)
        async with consuming(service, url, pools("reports"), react):
            await eventually(_applied(effects, *messages), 20)
            await proxy.mend()
            await eventually(lambda: broker.is_settled(service), 20)
    assert await effects.of(*map(_id, messages)) == [1] * 10
    assert await broker.size(dead_queue(service)) == 0


async def test_shutting_down_with_work_in_hand_loses_nothing(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service, messages = await broker.service(), [a_message() for _ in range(150)]

    async def slowly(connection: AsyncConnection, event: RecordedEvent) -> None:
        await asyncio.sleep(0.004)
        await effects.note(connection, event)

    await broker.put(service, *messages)
    async with consuming(service, broker.url, pools("reports"), slowly):
        await eventually(_applied(effects, messages[0]))
    done = sum(await effects.of(*map(_id, messages)))
    assert 0 < done < 150
    async with consuming(service, broker.url, pools("reports"), effects.note):
        await eventually(_applied(effects, *messages))
    assert await effects.of(*map(_id, messages)) == [1] * 150


async def test_two_copies_share_the_work(broker: Broker, pools: Pools, effects: Effects) -> None:
    service, messages = await broker.service(), [a_message() for _ in range(150)]
    async with (
        consuming(service, broker.url, pools("reports"), effects.note),
        consuming(service, broker.url, pools("reports"), effects.note),
    ):
        await broker.put(service, *messages, *messages[::3])
        await eventually(_applied(effects, *messages))
        await eventually(lambda: broker.is_settled(service))
    assert await effects.of(*map(_id, messages)) == [1] * 150


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2999-12-31T23:59:59Z"])
async def test_strange_times_are_taken_as_told(
    broker: Broker, pools: Pools, effects: Effects, time: str
) -> None:
    service, body = await broker.service(), json.loads(a_message().body)
    message = raw_message(json.dumps({**body, "time": time}).encode(), message_id=body["id"])
    await broker.put(service, message)
    async with consuming(service, broker.url, pools("reports"), effects.note):
        await eventually(_applied(effects, message))


async def _is(condition: bool) -> bool:
    return condition
