"""A long past is forgotten in bounded steps, between which everybody else can write."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text

from services.files import reactions as files
from services.reports import reactions as reports
from shared.contracts import published_types
from shared.contracts.auth import UserErased
from shared.db import Database
from shared.db.bounded_deletion import BATCH_ROWS
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.erasure import steps
from shared.eventsourcing.erasure.masking import STEP_EVENTS
from shared.messaging.consumer import Consumer
from shared.messaging.envelope import to_message
from tests.integration.files.harness import STORE
from tests.integration.shared.eventsourcing.erasure.harness import (
    HARNESSES,
    USER_ERASED,
    ErasureHarness,
)
from tests.support.broker import Broker
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN, BOB, recorded, uploaded
from tests.support.waiting import step_until

PROGRESS = "SELECT masked_to FROM erased_users"


@pytest_asyncio.fixture(params=HARNESSES)
async def harness(
    request: pytest.FixtureRequest, fresh_postgres: PrivateDatabase
) -> AsyncIterator[ErasureHarness]:
    database = Database(fresh_postgres.url(request.param))
    yield await HARNESSES[request.param](database)
    await database.close()


async def _write_until(done: "asyncio.Task[None]", database: Database) -> list[int]:
    """Take the lock that every writer needs, again and again; how much was masked each time."""
    seen = []
    while not done.done():
        async with database.transaction() as connection:
            await take_append_lock(connection)
            seen.append(await connection.scalar(text(PROGRESS)) or 0)
    return seen


async def test_others_write_between_the_steps_and_no_step_is_large(harness: ErasureHarness) -> None:
    assert await harness.remaining_rows()
    harness.watch()
    erasing = asyncio.create_task(harness.finish())
    seen = await _write_until(erasing, harness.database)
    await erasing
    assert await harness.remaining_rows() == {}
    # Who waits for a lock gets it before the one that comes back for it.
    assert len(set(seen)) > 10
    assert 0 < harness.max_rows <= BATCH_ROWS
    masked = await harness.scalar("SELECT coalesce(max(events), 0) FROM maskings")
    assert masked <= STEP_EVENTS


async def test_a_kill_between_two_steps_is_made_up_for_when_the_news_comes_again(
    harness: ErasureHarness,
) -> None:
    erasing = asyncio.create_task(harness.finish())
    while not await harness.scalar("SELECT masked_to > 300 FROM erased_users"):
        await asyncio.sleep(0)
    erasing.cancel()
    await asyncio.gather(erasing, return_exceptions=True)
    assert await harness.remaining_rows()
    assert await harness.scalar("SELECT count(*) FROM erased_users") == 1
    await harness.finish()
    assert await harness.remaining_rows() == {}
    await harness.finish(recorded(USER_ERASED.event, USER_ERASED.stream_id, 3))
    assert await harness.remaining_rows() == {}


async def test_the_transaction_alone_leaves_nothing(harness: ErasureHarness) -> None:
    """Whatever came between the steps and the transaction: as much as ever there is."""
    async with harness.database.transaction() as connection:
        await harness.react(connection, [USER_ERASED])
    assert await harness.remaining_rows() == {}


async def test_an_owner_is_erased_once_however_often_it_is_told(
    fresh_postgres: PrivateDatabase,
) -> None:
    database = Database(fresh_postgres.url("files"))
    harness = ErasureHarness(database, files.preparations(STORE)[UserErased], files.reacting(STORE))
    for sequence in (2, 3, 4):
        await harness.finish(recorded(USER_ERASED.event, USER_ERASED.stream_id, sequence))
    assert await harness.scalar("SELECT count(*) FROM events WHERE type = 'OwnerErased'") == 1
    await database.close()


async def test_a_consumer_handles_others_between_two_turns_and_a_new_one_goes_on(
    broker: Broker, fresh_postgres: PrivateDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With turns of a single step, the first consumer is gone before the end."""
    database = Database(fresh_postgres.url("reports"))
    harness = await HARNESSES["reports"](database)
    service = await broker.service()
    of_bob = [recorded(uploaded(uuid4(), BOB)) for _ in range(3)]
    short = partial(steps.run_steps, seconds=0.0)
    monkeypatch.setattr(steps, "run_steps", short)

    def consumer() -> Consumer:
        types = published_types()
        return Consumer(service, broker.url, database, types, [], reports.react, reports.PREPARE)

    noted = "SELECT count(*) FROM journal WHERE user_id = '{}' AND type = '{}'"
    await broker.put(service, to_message(USER_ERASED), *map(to_message, of_bob))
    dying = consumer()
    bobs_are_noted = noted.format(BOB, "FileUploaded")

    async def bob_is_handled() -> bool:
        return bool(await harness.scalar(bobs_are_noted) == len(of_bob))

    await step_until(dying.step, bob_is_handled)
    await dying.step()
    await dying.close()
    assert "journal" in await harness.remaining_rows()
    assert await harness.scalar(noted.format(ANN, "UserErased")) == 0
    following = consumer()

    async def ann_is_forgotten() -> bool:
        return bool(await harness.scalar(noted.format(ANN, "UserErased")) == 1)

    await step_until(following.step, ann_is_forgotten, seconds=60)
    await following.close()
    assert await harness.remaining_rows() == {}
    await database.close()
