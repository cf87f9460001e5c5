"""What the broker loses has its effect all the same, once."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from shared.catch_up.loop import CatchUp
from shared.contracts.files import FileDeleted
from shared.db import Database
from shared.eventsourcing.event import RecordedEvent, UnreadableRowError
from shared.messaging.batches import split_message
from shared.messaging.incoming_message import IncomingMessage
from shared.messaging.outbox.relay_limits import RelayLimits
from shared.messaging.publisher import Publisher
from shared.messaging.reactions import ReactToOne
from shared.messaging.topology import DEAD, dead_queue
from shared.web.producer import Fetched
from tests.integration.conftest import Pools
from tests.integration.shared.catch_up.harness import DELIVERY_TIME, KEYS, CatchUpHarness, counted
from tests.integration.shared.conftest import Effects
from tests.integration.shared.test_readiness import make
from tests.support.apps import without_loops
from tests.support.broker import Broker
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN
from tests.support.keys import Keys
from tests.support.stored_rows import upload_data
from tests.support.waiting import eventually, step_until

DELETED = {"file_id": str(uuid4()), "user_id": str(ANN), "version": 1}


@pytest_asyncio.fixture
async def harness(
    broker: Broker, pools: Pools, effects: Effects, postgres: PrivateDatabase, keys: Keys
) -> AsyncIterator[CatchUpHarness]:
    service = await broker.service(*KEYS)
    await broker.listener("files.*")  # somebody else hears all of it
    async with pools("reports").transaction() as connection:
        await connection.execute(text("DELETE FROM checkpoints WHERE name LIKE 'caught-up/%'"))
    app = make("files", keys, database_url=postgres.url("files"))
    async with without_loops(app):
        yield CatchUpHarness(broker, app, keys, pools("files"), effects.database, service)


@pytest.fixture(params=[1, 10], ids=["one-a-message", "ten-a-message"])
def together(request: pytest.FixtureRequest, harness: CatchUpHarness) -> int:
    """How many events the producer puts into a message."""
    harness.relay_limits = RelayLimits(page=request.param)
    return int(request.param)


async def _all_had(effects: Effects, *ids: UUID) -> bool:
    return min(await effects.of(*ids)) >= 1


async def test_what_a_deleted_binding_loses_is_handled_once(
    harness: CatchUpHarness, effects: Effects
) -> None:
    before = await harness.publish_events(3)
    async with harness.consuming(effects.note):
        await eventually(lambda: _all_had(effects, *before))
        with capture_logs() as logs:
            async with harness.running_catch_up(effects.note) as (loop,):
                lost = await harness.lose(250)
                await eventually(lambda: _all_had(effects, *lost), 20)
                after = await harness.publish_events(3)
                await eventually(lambda: _all_had(effects, *after))
                assert loop.missed == 250
    assert await effects.of(*before, *lost, *after) == [1] * 256
    told = [log for log in logs if log["event"] == "events_missed"]
    assert sum(log["events"] for log in told) == 250
    assert {(log["consumer"], log["producer"]) for log in told} == {(harness.service, "files")}


async def test_two_copies_and_a_binding_restored_in_between_do_nothing_twice(
    harness: CatchUpHarness, effects: Effects, together: int
) -> None:
    told: list[UUID] = []
    async with (
        harness.consuming(effects.note),
        harness.consuming(effects.note),
        harness.running_catch_up(effects.note, copies=2),  # restores the binding every 0.1 s
    ):
        for _ in range(6):
            await harness.unbind()
            told += await harness.publish_events(40)
        await eventually(lambda: _all_had(effects, *told), 20)
        await asyncio.sleep(3 * DELIVERY_TIME)
    assert await effects.of(*told) == [1] * 240


async def test_a_deleted_queue_loses_nothing_of_what_was_in_it(
    harness: CatchUpHarness, effects: Effects, together: int
) -> None:
    async with harness.running_catch_up(effects.note):
        told = await harness.publish_events(30)
        assert await harness.broker.size(harness.service) == 30 / together
        await harness.broker.channel.queue_delete(harness.service)
        async with harness.consuming(effects.note):
            await eventually(lambda: _all_had(effects, *told), 20)
            later = await harness.publish_events(3)
            await eventually(lambda: _all_had(effects, *later))
    assert await effects.of(*told, *later) == [1] * 33


async def test_poison_among_what_was_lost_is_dead_lettered_once(
    harness: CatchUpHarness, effects: Effects
) -> None:
    poison: UUID | None = None

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        await effects.note(connection, event)
        if event.event_id == poison:
            raise RuntimeError("can't swallow this")

    async with harness.running_catch_up(react):
        told = [*await harness.lose(5), *await harness.publish_events(1, schema_version=7)]
        poison = told[2]
        rest = [one for one in told[:5] if one != poison]
        await eventually(lambda: _all_had(effects, *rest), 20)
        letter = await harness.broker.take(dead_queue(harness.service))
        await asyncio.sleep(3 * DELIVERY_TIME)
    assert (letter.message_id, letter.headers["x-reason"]) == (str(poison), "RuntimeError")
    assert letter.type == "FileUploaded"
    assert await harness.broker.size(dead_queue(harness.service)) == 0
    assert await effects.of(*told) == [1, 1, 0, 1, 1, 0]
    assert await harness.checkpoint() == await harness.end()


async def test_what_the_consumer_has_dead_lettered_is_not_missed(
    harness: CatchUpHarness, effects: Effects
) -> None:
    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        raise RuntimeError("can't swallow this")

    async with harness.consuming(react), harness.running_catch_up(react) as (loop,):
        (told,) = await harness.publish_events(1)
        letter = await harness.broker.take(dead_queue(harness.service))
        assert letter.message_id == str(told)
        end = await harness.end()
        await eventually(lambda: _is_at(harness, end))
        assert loop.missed == 0
    assert await harness.broker.size(dead_queue(harness.service)) == 0


async def _is_at(harness: CatchUpHarness, position: int) -> bool:
    return await harness.checkpoint() == position


async def test_a_producer_that_is_away_is_asked_later(
    harness: CatchUpHarness, effects: Effects
) -> None:
    async with harness.running_catch_up(effects.note):
        told = await harness.lose(4)
        harness.transport.is_down = True
        await asyncio.sleep(3 * DELIVERY_TIME)
        assert await effects.of(*told) == [0] * 4
        harness.transport.is_down = False
        await eventually(lambda: _all_had(effects, *told), 20)
    assert await effects.of(*told) == [1] * 4


async def test_the_first_start_begins_at_the_end(harness: CatchUpHarness, effects: Effects) -> None:
    await harness.unbind()
    old = await harness.publish_events(5)
    async with harness.running_catch_up(effects.note) as (loop,):
        assert await harness.checkpoint() == await harness.end()
        await asyncio.sleep(3 * DELIVERY_TIME)
        assert (await effects.of(*old), loop.missed) == ([0] * 5, 0)


async def test_a_checkpoint_survives_the_copy_that_set_it(
    harness: CatchUpHarness, effects: Effects
) -> None:
    async with harness.running_catch_up(effects.note):
        pass
    await harness.unbind()
    lost = await harness.publish_events(5)
    async with harness.running_catch_up(effects.note):
        await eventually(lambda: _all_had(effects, *lost), 20)


async def test_what_waits_in_the_queue_is_not_fetched(
    harness: CatchUpHarness, effects: Effects
) -> None:
    async with harness.running_catch_up(effects.note) as (loop,):
        waits = await harness.publish_events(100)
        await asyncio.sleep(4 * DELIVERY_TIME)
        assert "/internal/events" not in harness.transport.requests
        async with harness.consuming(effects.note) as consumer:
            harness.unacknowledged_ids = consumer.unacknowledged_ids
            await eventually(lambda: _all_had(effects, *waits))
        end = await harness.end()
        await eventually(lambda: _is_at(harness, end))
        assert loop.missed == 0
    assert await effects.of(*waits) == [1] * 100


async def test_what_is_in_hand_is_waited_for(harness: CatchUpHarness, effects: Effects) -> None:
    hold = asyncio.Event()

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        await hold.wait()
        await effects.note(connection, event)

    async with (
        harness.consuming(react) as consumer,
        harness.running_catch_up(effects.note) as (loop,),
    ):
        harness.unacknowledged_ids = consumer.unacknowledged_ids
        before, told = await harness.checkpoint(), await harness.publish_events(5)
        await asyncio.sleep(4 * DELIVERY_TIME)
        assert (await harness.checkpoint(), loop.missed) == (before, 0)
        hold.set()
        await eventually(lambda: _all_had(effects, *told))
        end = await harness.end()
        await eventually(lambda: _is_at(harness, end))
        assert loop.missed == 0
        assert consumer.unacknowledged_ids() == set()


async def test_what_is_in_hand_or_fails_holds_up_nothing_else(
    harness: CatchUpHarness, effects: Effects
) -> None:
    harness.round_time = 1.0
    fails: set[UUID] = set()

    async def prepare(_: Database, event: RecordedEvent) -> bool:
        return True

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        if event.event_id in fails:
            raise RuntimeError("half done")
        await effects.note(connection, event)

    harness.prepare = {FileDeleted: prepare}
    deleted = {"type": "FileDeleted", "data": DELETED}
    async with harness.running_catch_up(react) as (loop,):
        async with harness.paused:
            await harness.unbind("files.FileDeleted")
            before = await harness.checkpoint()
            (half,) = await harness.lose_while_paused(1, **deleted)
            told = await harness.lose_while_paused(5)
            harness.unacknowledged_ids = lambda: {str(told[1])}
            fails.add(half)
        rest = [told[0], *told[2:]]
        await eventually(lambda: _all_had(effects, *rest), 20)
        later = await harness.lose(2)
        await eventually(lambda: _all_had(effects, *later), 20)
        assert await harness.checkpoint() == before
        await asyncio.sleep(3 * DELIVERY_TIME)
        assert loop.missed == 7
        fails.clear()
        harness.unacknowledged_ids = set
        await eventually(lambda: _all_had(effects, half, told[1]), 20)
        end = await harness.end()
        await eventually(lambda: _is_at(harness, end))
        assert loop.missed == 8
    assert await effects.of(half, *told, *later) == [1] * 8


async def test_what_waits_for_our_own_data_holds_up_nothing_else(
    harness: CatchUpHarness, effects: Effects
) -> None:
    waits: set[UUID] = set()

    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        if event.event_id in waits:
            raise UnreadableRowError(1, "a row of our own")
        await effects.note(connection, event)

    async with harness.running_catch_up(react) as (loop,):
        async with harness.paused:
            told = await harness.lose_while_paused(5)
            waits.add(told[1])
        rest = [told[0], *told[2:]]
        await eventually(lambda: _all_had(effects, *rest), 20)
        await asyncio.sleep(3 * DELIVERY_TIME)
        assert loop.missed == 5
        waits.clear()
        await eventually(lambda: _all_had(effects, told[1]), 20)
    assert await effects.of(*told) == [1] * 5


async def test_a_copy_that_starts_anew_looks_again_at_what_was_left(
    harness: CatchUpHarness, effects: Effects
) -> None:
    async with harness.running_catch_up(effects.note):
        async with harness.paused:
            told = await harness.lose_while_paused(4)
            harness.unacknowledged_ids = lambda: {str(told[1])}
        await eventually(lambda: _all_had(effects, told[0], *told[2:]), 20)
    harness.unacknowledged_ids = set
    async with harness.running_catch_up(effects.note) as (loop,):
        await eventually(lambda: _all_had(effects, told[1]), 20)
        assert loop.missed == 1
    assert await effects.of(*told) == [1] * 4


def _choking_on(poison: Collection[UUID], effects: Effects) -> ReactToOne:
    async def react(connection: AsyncConnection, event: RecordedEvent) -> None:
        if event.event_id in poison:
            raise RuntimeError("can't swallow this")
        await effects.note(connection, event)

    return react


async def test_a_dead_letter_that_the_broker_does_not_take_holds_up_nothing(
    harness: CatchUpHarness, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.round_time = 1.0
    may, poison, publish = asyncio.Event(), set[UUID](), Publisher.publish

    async def waits(self: Publisher, exchange: str, *rest: Any) -> None:
        if exchange == DEAD:
            await may.wait()
        await publish(self, exchange, *rest)

    monkeypatch.setattr(Publisher, "publish", waits)
    async with harness.running_catch_up(_choking_on(poison, effects)) as (loop,):
        async with harness.paused:
            told = await harness.lose_while_paused(3)
            poison.add(told[0])
        await eventually(lambda: _all_had(effects, *told[1:]), 20)
        later = await harness.lose(2)
        await eventually(lambda: _all_had(effects, *later), 20)
        may.set()
        letter = await harness.broker.take(dead_queue(harness.service))
        assert letter.message_id == str(told[0])
        end = await harness.end()
        await eventually(lambda: _is_at(harness, end))
        assert loop.missed == 5
    assert await harness.broker.size(dead_queue(harness.service)) == 0


async def test_letters_that_fail_together_cost_one_round(
    harness: CatchUpHarness, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_down, poison, publish = True, set[UUID](), Publisher.publish

    async def fails(self: Publisher, exchange: str, *rest: Any) -> None:
        if exchange == DEAD and is_down:
            raise ConnectionError
        await publish(self, exchange, *rest)

    monkeypatch.setattr(Publisher, "publish", fails)
    async with harness.running_catch_up(_choking_on(poison, effects)) as (loop,), harness.paused:
        poison.update(await harness.lose_while_paused(6))
        with pytest.raises(ConnectionError):
            await _step_for(loop, 20)
        is_down = False
        await loop.step()
    assert await harness.broker.size(dead_queue(harness.service)) == 6


async def _step_for(loop: CatchUp, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            await loop.step()
            await asyncio.sleep(0.1)


async def test_no_more_is_fetched_than_what_is_lost(
    harness: CatchUpHarness, effects: Effects
) -> None:
    async with harness.consuming(effects.note), harness.running_catch_up(effects.note):
        had = await harness.publish_events(20)
        await eventually(lambda: _all_had(effects, *had))
        (lost,) = await harness.lose(1)
        await harness.bind()
        had = await harness.publish_events(20)
        await eventually(lambda: _all_had(effects, lost, *had), 20)
    asked = zip(harness.transport.requests, harness.transport.queries, strict=True)
    (query,) = [query for path, query in asked if path == "/internal/events"]
    assert query.endswith("&limit=1")


async def test_a_queue_that_is_never_empty_keeps_nobody_from_what_came_before(
    harness: CatchUpHarness, effects: Effects, together: int
) -> None:
    async with harness.running_catch_up(effects.note) as (loop,):
        await asyncio.sleep(2 * DELIVERY_TIME)
        lost = await harness.lose(5)
        await harness.bind()
        waits = await harness.publish_events(40)
        message = await harness.broker.take(harness.service)
        await _have(harness, effects, split_message(message))
        await eventually(lambda: _all_had(effects, *lost), 20)
        await asyncio.sleep(3 * DELIVERY_TIME)
        assert loop.missed == 5
    assert await effects.of(*waits) == [1] * together + [0] * (40 - together)
    assert await harness.broker.size(harness.service) == 40 / together - 1


async def test_a_message_that_was_had_in_part_and_comes_again_does_nothing_twice(
    harness: CatchUpHarness, effects: Effects
) -> None:
    """What stands in it before the events that were had is fetched, as if it had been lost."""
    harness.relay_limits = RelayLimits(page=10)
    async with harness.running_catch_up(effects.note) as (loop,):
        told = await harness.publish_events(20)
        queue = await harness.broker.channel.get_queue(harness.service, ensure=False)
        message = await queue.get()
        await _have(harness, effects, split_message(message)[4:6])
        await message.nack(requeue=True)
        await eventually(lambda: _all_had(effects, *told[:6]), 20)
        await asyncio.sleep(3 * DELIVERY_TIME)
        assert await effects.of(*told[6:]) == [0] * 14
        async with harness.consuming(effects.note) as consumer:
            harness.unacknowledged_ids = consumer.unacknowledged_ids
            await eventually(lambda: _all_had(effects, *told), 20)
        assert loop.missed == 4
    assert await effects.of(*told) == [1] * 20


async def _have(
    harness: CatchUpHarness, effects: Effects, events: Iterable[IncomingMessage]
) -> None:
    """Handle them by hand; whoever took the message from the queue acknowledges it."""
    for event in events:
        name = UUID(event.message_id)
        one = Fetched(name, event.body, event.content_type, str(name), event.type)
        assert await harness.handler(effects.note).handle([one]) == []


async def test_what_is_older_than_the_inbox_remembers_is_left_alone(
    harness: CatchUpHarness, effects: Effects
) -> None:
    now = datetime.now(UTC)
    async with harness.running_catch_up(effects.note):
        old = await harness.lose(1, recorded_at=now - timedelta(days=30))
        new = await harness.lose(1, recorded_at=now - timedelta(days=28))
        await eventually(lambda: _all_had(effects, *new), 20)
    assert await effects.of(*old) == [0]


async def test_what_cannot_be_told_holds_up_nothing(
    harness: CatchUpHarness, effects: Effects
) -> None:
    huge = upload_data(name="n" * (5 * 1024 * 1024))
    async with harness.running_catch_up(effects.note) as (loop,):
        (first,) = await harness.lose(1)
        untold = [*await harness.lose(1, schema_version=7), *await harness.lose(1, data=huge)]
        (last,) = await harness.lose(1)
        await eventually(lambda: _all_had(effects, first, last), 20)
        end = await harness.end()
        await eventually(lambda: _is_at(harness, end))
        assert loop.missed == 2
    assert await effects.of(*untold) == [0, 0]
    assert await harness.broker.size(dead_queue(harness.service)) == 0


async def test_a_producer_restored_from_a_backup_is_followed_from_where_it_is(
    harness: CatchUpHarness, effects: Effects
) -> None:
    async with harness.running_catch_up(effects.note):
        pass
    async with harness.database.transaction() as connection:
        await connection.execute(
            text("UPDATE checkpoints SET position = 10^9 WHERE name = 'caught-up/files'")
        )
    async with harness.running_catch_up(effects.note):
        assert await harness.checkpoint() == await harness.end()
        lost = await harness.lose(2)
        await eventually(lambda: _all_had(effects, *lost), 20)


async def test_a_round_in_which_nothing_is_missing_costs_one_request_and_few_statements(
    harness: CatchUpHarness, effects: Effects
) -> None:
    loop = harness.catch_up(effects.note)
    await loop.step()
    async with harness.consuming(effects.note):
        told = await harness.publish_events(500)
        await eventually(lambda: _all_had(effects, *told))
    end = await harness.end()
    await step_until(loop.step, lambda: _is_at(harness, end))
    harness.transport.requests.clear()
    async with counted(harness.database) as statements:
        await loop.step()
    await loop.close()
    assert harness.transport.requests == ["/internal/events/ids"]
    assert len(statements) <= 5, statements


async def test_five_hundred_events_are_compared_by_one_request_and_one_statement(
    harness: CatchUpHarness, effects: Effects
) -> None:
    async with harness.consuming(effects.note):
        loop = harness.catch_up(effects.note, delivery_time=0.0)
        await loop.step()
        told = await harness.publish_events(500)
        await eventually(lambda: _all_had(effects, *told))
        await loop.step()  # sees how far the producer is
        harness.transport.requests.clear()
        async with counted(harness.database) as statements:
            await loop.step()
    await loop.close()
    assert await harness.checkpoint() == await harness.end()
    assert harness.transport.requests == ["/internal/events/ids"]
    assert sum("FROM inbox" in one for one in statements) == 1
    assert len(statements) <= 7, statements
