"""From the event table to the broker: nothing lost, in order, whoever dies in between."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from aio_pika import Message
from aio_pika.abc import AbstractQueue
from aio_pika.exceptions import PublishError
from sqlalchemy import text

from services.files.domain.file import EVENTS as FILE_EVENTS
from services.files.domain.file import stream
from shared.contracts import published_types
from shared.db import Database, DatabaseRefusesWrites
from shared.errors import Unavailable
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import Batch, EventStore
from shared.messaging.consumer import Consumer
from shared.messaging.outbox.relay import Relay
from shared.messaging.outbox.relay_limits import PAGE, RELAY_LIMITS, RelayLimits
from shared.messaging.publisher import Publisher
from shared.messaging.reactions import one_by_one
from shared.messaging.topology import EVENTS
from shared.runtime import Loop, running
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, events_in, read_feed
from tests.support.databases import PrivateDatabase
from tests.support.events import replaced, uploaded
from tests.support.proxy import proxy_to
from tests.support.waiting import eventually, step_until

STORE = EventStore(EventTypes(FILE_EVENTS))


class KilledError(BaseException):
    """The process ends here."""


class DyingPublisher(Publisher):
    """Gets everything to the broker, and dies before anybody learns of it."""

    dies = True

    async def publish_collecting_returns(
        self, exchange: str, messages: Sequence[tuple[str, Message]]
    ) -> dict[int, PublishError]:
        returned = await super().publish_collecting_returns(exchange, messages)
        if self.dies:
            self.dies = False
            raise KilledError
        return returned


IMPATIENT = RelayLimits(idle_session_timeout=1.0)


class SlowPublisher(Publisher):
    """Its broker takes what it is told once it is let."""

    may = asyncio.Event()

    async def publish_collecting_returns(
        self, exchange: str, messages: Sequence[tuple[str, Message]]
    ) -> dict[int, PublishError]:
        await self.may.wait()
        return await super().publish_collecting_returns(exchange, messages)


@pytest_asyncio.fixture
async def database(fresh_postgres: PrivateDatabase) -> AsyncIterator[Database]:
    made = Database(fresh_postgres.url("files"))
    yield made
    await made.close()


@asynccontextmanager
async def relays(
    database: Database,
    url: str,
    count: int = 1,
    kind: type[Publisher] = Publisher,
    limits: RelayLimits = RELAY_LIMITS,
) -> AsyncIterator[list[Relay]]:
    async with AsyncExitStack() as stack:
        made = [Relay("files", database, STORE, kind(url, "files"), limits) for _ in range(count)]
        for relay in made:
            stack.push_async_callback(relay.close)
        yield made


async def _append(database: Database, count: int) -> list[UUID]:
    """Files, each with two versions; the ids of the events in position order."""
    files = [uuid4() for _ in range(count)]
    async with database.transaction() as connection:
        first = [Batch(stream(file), 0, [uploaded(file)]) for file in files]
        second = [Batch(stream(file), 1, [replaced(file, 2)]) for file in files]
        stored = await STORE.append_many(connection, first)
        stored += await STORE.append_many(connection, second)
    return [recorded.event_id for recorded in stored]


async def _ids(queue: AbstractQueue, count: int) -> list[UUID]:
    """The ids of what a queue got, once there are so many."""
    found: list[UUID] = []

    async def enough() -> bool:
        found.extend(UUID(message.message_id) for message in await events_in(queue))
        return len(found) >= count

    await eventually(enough)
    return found


async def test_a_frozen_copy_loses_the_lead(broker: Broker, database: Database) -> None:
    await broker.listener("files.*")
    async with relays(database, broker.url, 2, limits=IMPATIENT) as [frozen, other]:
        await _append(database, 1)
        assert await frozen.step()
        await _append(database, 1)
        assert await eventually(other.step)
        with pytest.raises(Unavailable):
            await frozen.step()
        assert not await frozen.step()


async def test_a_copy_keeps_the_lead_while_the_broker_takes_its_time(
    broker: Broker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SlowPublisher, "may", asyncio.Event())
    heard = await broker.listener("files.*")
    stored = await _append(database, 1)
    async with relays(database, broker.url, 2, SlowPublisher, IMPATIENT) as [first, second]:
        telling = asyncio.create_task(first.step())
        await asyncio.sleep(3)
        assert not await second.step()
        SlowPublisher.may.set()
        assert await telling
    assert await _ids(heard, 2) == stored


async def test_nothing_is_published_while_the_checkpoint_can_not_be_moved(
    broker: Broker, database: Database, fresh_postgres: PrivateDatabase
) -> None:
    heard = await broker.listener("files.*")
    stored = await _append(database, 2)
    await database.close()  # what is opened from now on is as the database says
    admin, name = await fresh_postgres.admin(), fresh_postgres.admin_url.database
    await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    async with relays(database, broker.url) as [relay]:
        try:
            for _ in range(3):
                with pytest.raises(DatabaseRefusesWrites):
                    await relay.step()
        finally:
            await admin.execute("SET default_transaction_read_only = off")
            await admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            await admin.close()
        assert await relay.step()
    assert await _ids(heard, 4) == stored


async def test_everything_is_published_once_and_in_order(
    broker: Broker, database: Database
) -> None:
    heard = await broker.listener("files.*")
    stored = await _append(database, 230)
    async with relays(database, broker.url) as [relay]:
        batches = math.ceil(460 / PAGE)
        assert [await relay.step() for _ in range(batches)] == [True] * batches
        assert not await relay.step()
        assert relay.is_healthy
        assert await _ids(heard, 460) == stored
        more = await _append(database, 1)
        assert await relay.step()
        assert await _ids(heard, 2) == more


async def test_a_new_event_rings_the_bell(broker: Broker, database: Database) -> None:
    heard = await broker.listener("files.*")
    async with relays(database, broker.url) as [relay]:
        loop = Loop("relay", relay.step, pause=60, doorbell=relay.doorbell)
        async with running([loop]):
            await eventually(lambda: _is(relay.is_healthy))
            stored = await _append(database, 1)
            assert await _ids(heard, 2) == stored


async def test_a_relay_killed_after_publishing_repeats_and_the_inbox_absorbs_it(
    broker: Broker, database: Database, pools: Pools, effects: Effects
) -> None:
    heard = await broker.listener("files.*")
    service = await broker.service("files.*")
    stored = await _append(database, 10)
    async with relays(database, broker.url, kind=DyingPublisher) as [relay]:
        with pytest.raises(KilledError):
            await relay.step()
        assert not relay.is_healthy
    async with relays(database, broker.url) as [heir]:
        assert await heir.step()
    assert await _ids(heard, 40) == stored + stored
    types = published_types("files")
    consumer = Consumer(service, broker.url, pools("reports"), types, [], one_by_one(effects.note))
    await step_until(consumer.step, lambda: _all_once(effects, stored))
    await step_until(consumer.step, lambda: broker.is_settled(service))
    await consumer.close()
    assert await effects.of(*stored) == [1] * 20


async def test_of_two_relays_one_leads(broker: Broker, database: Database) -> None:
    heard = await broker.listener("files.*")
    async with relays(database, broker.url, 2) as [leader, other]:
        assert not await leader.step()
        stored = await _append(database, 5)
        assert not await other.step()
        assert other.is_healthy  # it waits for the lead; nothing is wrong
        assert await leader.step()
        assert not await other.step()
        assert await _ids(heard, 10) == stored


async def test_a_copy_that_does_not_lead_leaves_no_silent_end_to_its_pool(
    broker: Broker, database: Database
) -> None:
    async with relays(database, broker.url, 2) as (leader, other):
        await leader.step()
        for _ in range(3):
            assert not await other.step()
        async with database.transaction() as connection:
            kept = await connection.scalar(text("SHOW idle_session_timeout"))
    assert kept == "0"


async def test_when_the_leaders_connection_dies_the_other_takes_over(
    broker: Broker, database: Database, fresh_postgres: PrivateDatabase
) -> None:
    heard = await broker.listener("files.*")
    async with relays(database, broker.url, 2) as [leader, other]:
        first = await _append(database, 5)
        assert await leader.step()
        assert not await other.step()
        second = await _append(database, 5)
        await _kill_who_holds_the_lead(fresh_postgres)
        await eventually(other.step)  # False until the server has dropped the connection
        with pytest.raises(Unavailable):
            await leader.step()
        assert not await leader.step()  # it has lost the lead for good
        assert await _ids(heard, 20) == first + second


async def _kill_who_holds_the_lead(postgres: PrivateDatabase) -> None:
    admin = await postgres.admin()
    killed = await admin.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks"
        " WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await admin.close()
    assert killed == 1


async def test_a_leader_that_lost_the_lead_does_not_move_the_checkpoint_back(
    broker: Broker, database: Database, fresh_postgres: PrivateDatabase
) -> None:
    """Its connection dies while it publishes, and the other one is faster."""
    await broker.listener("files.*")
    stored = await _append(database, 3)

    class SlowPublisher(Publisher):
        async def publish_collecting_returns(
            self, exchange: str, messages: Sequence[tuple[str, Message]]
        ) -> dict[int, PublishError]:
            returned = await super().publish_collecting_returns(exchange, messages)
            if exchange != EVENTS:
                return returned
            await _kill_who_holds_the_lead(fresh_postgres)
            await _append(database, 3)
            async with relays(database, broker.url) as [heir]:
                await step_until(heir.step, lambda: _checkpoint_is_last(database))
            return returned

    async with relays(database, broker.url, kind=SlowPublisher) as [leader]:
        with pytest.raises(Unavailable):
            await leader.step()
    assert await _checkpoint_is_last(database)
    assert stored


async def _checkpoint_is_last(database: Database) -> bool:
    query = (
        "SELECT (SELECT max(position) FROM events)"
        " = (SELECT position FROM checkpoints WHERE name = 'relay')"
    )
    async with database.transaction() as connection:
        return bool(await connection.scalar(text(query)))


async def test_when_the_broker_goes_away_publishing_goes_on_by_itself_afterwards(
    broker: Broker, database: Database
) -> None:
    heard = await broker.listener("files.*")
    async with proxy_to(broker.url) as (proxy, url), relays(database, url) as [relay]:
        loop = Loop("relay", relay.step, pause=0.05, doorbell=relay.doorbell)
        async with running([loop]):
            before = await _append(database, 2)
            assert await _ids(heard, 4) == before
            await eventually(lambda: _checkpoint_is_last(database))  # else they are repeated
            await proxy.cut()
            during = await _append(database, 2)
            await eventually(lambda: _is(not relay.is_healthy))
            await proxy.mend()
            assert set(await _ids(heard, 4)) == set(during)
            await eventually(lambda: _is(relay.is_healthy))


async def test_when_the_database_goes_away_publishing_goes_on_by_itself_afterwards(
    broker: Broker, database: Database, fresh_postgres: PrivateDatabase
) -> None:
    heard = await broker.listener("files.*")
    async with proxy_to(fresh_postgres.url("files")) as (proxy, url):
        reached = Database(url)
        async with relays(reached, broker.url) as [relay]:
            loop = Loop("relay", relay.step, pause=0.05, doorbell=relay.doorbell)
            async with running([loop]):
                before = await _append(database, 2)
                assert await _ids(heard, 4) == before
                await eventually(lambda: _checkpoint_is_last(database))  # else they are repeated
                await proxy.cut()
                during = await _append(database, 2)
                await eventually(lambda: _is(not relay.is_healthy))
                await proxy.mend()
                assert await _ids(heard, 4) == during
        await reached.close()


async def test_the_feed_keeps_what_happened_for_those_who_come_later(
    broker: Broker, database: Database
) -> None:
    await broker.listener("files.*")
    stored = await _append(database, 3)
    async with relays(database, broker.url) as [relay]:
        assert await relay.step()
    last = str(stored[-1])
    seen = await read_feed(broker.connection, lambda message: message.message_id == last)
    assert [message.message_id for message in seen[-6:]] == [str(one) for one in stored]


async def _all_once(effects: Effects, ids: list[UUID]) -> bool:
    return min(await effects.of(*ids)) == 1


async def _is(condition: bool) -> bool:
    return condition
