"""One event that can't be read, or that nobody takes, stops no other, and is not lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractQueue
from aio_pika.exceptions import DeliveryError, PublishError
from sqlalchemy import text
from structlog.testing import capture_logs

from services.files.domain.file import EVENTS as FILE_EVENTS
from shared.contracts import CONSUMED
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.messaging.outbox import set_aside
from shared.messaging.outbox.commands import main, run
from shared.messaging.outbox.relay import Relay
from shared.messaging.outbox.relay_limits import PAGE, RELAY_LIMITS, RelayLimits
from shared.messaging.outbox.set_aside import RetrySchedule
from shared.messaging.publisher import Publisher
from shared.messaging.topology import EVENTS, FEED, PUBLIC
from shared.runtime import Loop, running
from tests.integration.shared.test_readiness import make
from tests.integration.shared.test_readiness import running as running_app
from tests.support.apps import as_service, client_of, without_loops
from tests.support.broker import Broker, a_message, events_in, read_feed
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys
from tests.support.servers import Broker as Server
from tests.support.stored_rows import store_row, upload_data
from tests.support.waiting import eventually, step_until

AGO = {"ago": timedelta(seconds=20)}
STORE = EventStore(EventTypes(FILE_EVENTS))


@pytest_asyncio.fixture
async def database(fresh_postgres: PrivateDatabase) -> AsyncIterator[Database]:
    made = Database(fresh_postgres.url("files"))
    yield made
    await made.close()


@pytest_asyncio.fixture(autouse=True)
async def _nobody_hears(broker: Broker) -> None:
    """The broker has no queue left from other tests: it takes a while to drop exclusive ones."""
    for service in CONSUMED:
        await broker.channel.queue_delete(service)
    events = await broker.channel.get_exchange(EVENTS)

    async def is_returned() -> bool:
        with suppress(PublishError):
            await events.publish(a_message(), "files.FileUploaded")
            return False
        return True

    await eventually(is_returned)


POLLING = RelayLimits(retry_poll_interval=0.0)  # looks for what is due in each step
AT_ONCE = RelayLimits(retry_poll_interval=0.0, retry_schedule=RetrySchedule(0.0, 0.0))


@asynccontextmanager
async def relaying(
    database: Database,
    url: str,
    store: EventStore = STORE,
    limits: RelayLimits = RELAY_LIMITS,
) -> AsyncIterator[Relay]:
    relay = Relay("files", database, store, Publisher(url, "files"), limits)
    try:
        yield relay
    finally:
        await relay.close()


async def drain(relay: Relay) -> None:
    async with asyncio.timeout(30):
        while await relay.step():
            pass


async def ids_in(queue: AbstractQueue) -> list[UUID]:
    return [UUID(message.message_id) for message in await events_in(queue)]


async def _aside(database: Database) -> dict[UUID, str]:
    query = "SELECT event_id, reason FROM set_aside JOIN events USING (position) ORDER BY position"
    async with database.transaction() as connection:
        return {row.event_id: row.reason for row in await connection.execute(text(query))}


UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "a version nobody knows": ({"schema_version": 7}, "FileUploaded v7"),
    "a version below": ({"schema_version": -1}, "FileUploaded v-1"),
    "a type nobody knows": ({"type": "FileShredded"}, "FileShredded: unknown type"),
    "a field is missing": ({"data": {"size": 1}}, "FileUploaded: file_id"),
    "data are a list": ({"data": [1]}, "FileUploaded: "),
    "data are null": ({"data": "null"}, "FileUploaded: "),
    "a number of 5,000 digits": (
        {"data": f'{{"size": {"9" * 5000}}}'},
        "FileUploaded: broken data",
    ),
    "2,000 brackets": ({"data": "[" * 2000 + "]" * 2000}, "FileUploaded: "),
    "metadata are a text": ({"metadata": '"x"'}, "broken data"),
    "an id is none": ({"metadata": {"user_id": "ann"}}, "broken data (ValueError)"),
    "a trace of 300 characters": ({"metadata": {"traceparent": "0" * 300}}, "traceparent"),
    "a subject of 300 characters": ({"stream_id": "x" * 300}, "no envelope: subject"),
    "an empty subject": ({"stream_id": ""}, "no envelope: subject"),
    "a time before 1970": ({"recorded_at": datetime(1960, 1, 1, tzinfo=UTC)}, "no message"),
    "5 MiB": ({"data": upload_data(name="x" * 5 * 2**20)}, "larger than 4194304 bytes as a"),
    "20 MiB": ({"data": upload_data(name="x" * 20 * 2**20)}, "larger than 8388608 bytes"),
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_what_cannot_be_read_is_set_aside_and_its_neighbours_are_told(
    broker: Broker, database: Database, what: str
) -> None:
    columns, reason = UNREADABLE[what]
    heard = await broker.listener("files.*")
    first = await store_row(database)
    bad = await store_row(database, **columns)
    last = await store_row(database)
    async with relaying(database, broker.url) as relay:
        with capture_logs() as lines:
            await drain(relay)
            await drain(relay)
        assert relay.is_healthy
    assert await ids_in(heard) == [first, last]
    aside = await _aside(database)
    assert list(aside) == [bad]
    assert reason in aside[bad]
    [line] = [line for line in lines if line["event"] == "event_set_aside"]
    assert (line["log_level"], line["event_id"]) == ("error", str(bad))


async def test_what_newer_code_can_read_is_told_then(broker: Broker, database: Database) -> None:
    heard = await broker.listener("files.*")
    old = await store_row(database, schema_version=0, data={**upload_data(), "name": None})
    async with relaying(database, broker.url, limits=AT_ONCE) as relay:
        await drain(relay)
        await drain(relay)
    assert list(await _aside(database)) == [old]
    newer = EventTypes(FILE_EVENTS, {("FileUploaded", 0): lambda data: {**data, "name": "old.py"}})
    async with relaying(database, broker.url, EventStore(newer), AT_ONCE) as relay:
        await step_until(relay.step, lambda: _count(database, 0))
    assert await ids_in(heard) == [old]
    assert await _aside(database) == {}


async def test_an_upcaster_that_raises_stops_nothing(broker: Broker, database: Database) -> None:
    heard = await broker.listener("files.*")
    old = await store_row(database, schema_version=0)
    good = await store_row(database)
    broken = EventTypes(FILE_EVENTS, {("FileUploaded", 0): lambda data: data["no such field"]})
    async with relaying(database, broker.url, EventStore(broken)) as relay:
        await drain(relay)
    assert await ids_in(heard) == [good]
    assert await _aside(database) == {old: "FileUploaded v0: KeyError"}


async def test_what_no_queue_takes_waits_for_a_binding_and_the_rest_is_told(
    broker: Broker, database: Database
) -> None:
    heard = await broker.listener("files.FileUploaded")
    deleted = {"file_id": str(UUID(int=1)), "user_id": str(UUID(int=2)), "version": 1}
    story = [
        await store_row(database, **columns)
        for columns in ({}, {"type": "FileDeleted", "data": deleted}, {})
    ]
    async with relaying(database, broker.url, limits=AT_ONCE) as relay:
        await drain(relay)
        for _ in range(3):
            await relay.step()
        assert relay.is_healthy
        assert await ids_in(heard) == [story[0], story[2]]
        assert await _aside(database) == {story[1]: "events: no queue takes files.FileDeleted"}
        later = await broker.listener("files.*")
        await step_until(relay.step, lambda: _count(database, 0))
    assert await ids_in(later) == [story[1]]
    assert await ids_in(heard) == []
    assert await _aside(database) == {}


async def test_what_only_the_feed_does_not_take_is_told_to_services_once(
    broker: Broker, database: Database
) -> None:
    heard = await broker.listener("files.*")
    feed = await broker.channel.get_queue(FEED)
    await feed.unbind(PUBLIC, "#")
    try:
        event_id = await store_row(database)
        async with relaying(database, broker.url, limits=AT_ONCE) as relay:
            await drain(relay)
            for _ in range(6):
                await relay.step()
            reason = "events.public: no queue takes files.FileUploaded"
            assert await _aside(database) == {event_id: reason}
            await feed.bind(PUBLIC, "#")
            await drain(relay)
    finally:
        await feed.bind(PUBLIC, "#")
    assert await _aside(database) == {}
    assert await ids_in(heard) == [event_id]
    last = str(event_id)
    seen = await read_feed(broker.connection, lambda message: message.message_id == last)
    assert [message.message_id for message in seen].count(last) == 1


async def test_what_the_broker_forbids_stops_nothing(
    rabbitmq: Server, broker: Broker, database: Database
) -> None:
    """Its user may not publish the kind: the broker closes the channel at the first of them."""
    heard = await broker.listener("files.*")
    story = [await store_row(database) for _ in range(3)]
    async with relaying(database, rabbitmq.url("prereview_auth"), limits=AT_ONCE) as relay:
        await drain(relay)
        assert relay.is_healthy
    assert set((await _aside(database)).values()) == {"events: refused (ChannelAccessRefused)"}
    async with relaying(database, rabbitmq.url("prereview_files"), limits=AT_ONCE) as relay:
        await step_until(relay.step, lambda: _count(database, 0))
    assert await ids_in(heard) == story
    assert await _aside(database) == {}


async def test_a_full_queue_is_waited_for(broker: Broker, database: Database) -> None:
    full = await broker.channel.declare_queue(
        exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    )
    await broker.put(full.name, a_message())
    await full.bind(EVENTS, "files.*")
    story = [await store_row(database) for _ in range(2)]
    async with relaying(database, broker.url) as relay:
        for _ in range(3):
            with pytest.raises(DeliveryError):
                await relay.step()
        assert await _aside(database) == {}
        await full.unbind(EVENTS, "files.*")
        heard = await broker.listener("files.*")
        await drain(relay)
    assert await ids_in(heard) == story
    assert await _aside(database) == {}


async def test_a_missing_exchange_is_waited_for(broker: Broker, database: Database) -> None:
    event_id = await store_row(database)
    await broker.channel.exchange_delete(EVENTS)
    try:
        async with relaying(database, broker.url) as relay:
            with pytest.raises(Exception, match="NOT_FOUND"):
                await relay.step()
            assert await _aside(database) == {}
    finally:
        await broker.channel.declare_exchange(EVENTS, "topic", durable=True)
    heard = await broker.listener("files.*")
    async with relaying(database, broker.url) as relay:
        await drain(relay)
    assert await ids_in(heard) == [event_id]


async def test_many_are_tried_in_batches_and_as_fast_as_they_succeed(
    broker: Broker, database: Database
) -> None:
    story = [await store_row(database) for _ in range(2 * PAGE + 20)]
    async with relaying(database, broker.url, limits=AT_ONCE) as relay:
        await drain(relay)
        assert list(await _aside(database)) == story
        heard = await broker.listener("files.*")
        async with asyncio.timeout(20):
            while not await relay.step():  # the round under way ends with the last ones
                pass
        left = len(await _aside(database))
        assert len(story) - left <= PAGE
        await drain(relay)
        await drain(relay)
    assert sorted(await ids_in(heard)) == sorted(story)


async def test_what_waits_holds_up_nothing_new(broker: Broker, database: Database) -> None:
    for _ in range(PAGE + 10):
        await store_row(database, schema_version=9)
    heard = await broker.listener("files.*")
    async with relaying(database, broker.url, limits=AT_ONCE) as relay:
        await drain(relay)
        for _ in range(4):
            new = await store_row(database)
            assert await relay.step()
            assert await ids_in(heard) == [new]


@pytest.mark.parametrize("waiting", [0, 3])
async def test_a_look_at_what_is_due_does_not_grow_with_the_history(
    database: Database, waiting: int
) -> None:
    """The leader looks every second, and publishes nothing meanwhile."""
    await store_row(database)
    async with database.transaction() as connection:
        await connection.execute(text(_MANY), {"events": 3000})
        await connection.execute(text(_SET_ASIDE), {"events": waiting})
    async with database.transaction() as connection:
        before = await connection.scalar(text(_SCANS))
        rows, reasons = await set_aside.read_due(connection, datetime.now(UTC), PAGE)
        scans = await connection.scalar(text(_SCANS)) - before
    assert (len(rows), len(reasons)) == (waiting, waiting)
    assert scans < 100


_MANY = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
SELECT gen_random_uuid(), gen_random_uuid(), 1, type, schema_version, data, metadata, recorded_at
FROM events, generate_series(1, :events)
"""
_SET_ASIDE = """
INSERT INTO set_aside (position, reason)
SELECT position, '' FROM events ORDER BY position DESC LIMIT :events
"""
_SCANS = """
SELECT sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0))::int FROM pg_stat_xact_user_tables
WHERE schemaname = current_schema()
"""


async def test_what_a_broker_takes_a_moment_later_is_told_a_moment_later(
    broker: Broker, database: Database
) -> None:
    """So after its start: it takes messages before it knows where to put them."""
    event_id = await store_row(database)
    async with relaying(database, broker.url) as relay:
        await drain(relay)
        heard = await broker.listener("files.*")
        for _ in range(5):
            await relay.step()
        assert await ids_in(heard) == []
        await step_until(relay.step, lambda: _count(database, 0), 5.0)
    assert await ids_in(heard) == [event_id]


@pytest.mark.parametrize(
    ("noted", "tried", "is_due"),
    [
        (0.5, 0.5, False),
        (2, 2, True),
        (9, 3, False),
        (9, 5, True),
        (999, 25, False),
        (999, 31, True),
    ],
)
async def test_the_longer_it_waits_the_rarer_are_its_tries_down_to_one_in_half_a_minute(
    broker: Broker,
    database: Database,
    noted: float,
    tried: float,
    is_due: bool,
) -> None:
    event_id = await store_row(database)
    ago = text(
        "UPDATE set_aside SET noted_at = clock_timestamp() - make_interval(secs => :noted),"
        " tried_at = clock_timestamp() - make_interval(secs => :tried)"
    )
    async with relaying(database, broker.url, limits=POLLING) as relay:
        await drain(relay)
        heard = await broker.listener("files.*")
        async with database.transaction() as connection:
            await connection.execute(ago, {"noted": noted, "tried": tried})
        await relay.step()
    assert await ids_in(heard) == ([event_id] if is_due else [])


async def test_a_try_that_fails_counts_as_one_and_holds_up_nothing(
    broker: Broker, database: Database
) -> None:
    await store_row(database)
    async with relaying(database, broker.url, limits=POLLING) as relay:
        await drain(relay)
        async with database.transaction() as connection:
            long_ago = (
                "noted_at = noted_at - interval '20 s', tried_at = tried_at - interval '20 s'"
            )
            await connection.execute(text(f"UPDATE set_aside SET {long_ago}"))
        full = await broker.channel.declare_queue(
            exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
        )
        await broker.put(full.name, a_message())
        await full.bind(EVENTS, "files.*")
        with pytest.raises(DeliveryError):
            await relay.step()
        await full.unbind(EVENTS, "files.*")
        heard = await broker.listener("files.*")
        new, told = await store_row(database), list[UUID]()

        async def is_told() -> bool:
            told.extend(await ids_in(heard))
            return bool(told)

        await step_until(relay.step, is_told)
        assert told == [new]
        assert len(await _aside(database)) == 1


async def test_of_two_copies_only_the_leader_touches_it(broker: Broker, database: Database) -> None:
    await store_row(database)
    async with (
        relaying(database, broker.url, limits=AT_ONCE) as leader,
        relaying(database, broker.url, limits=AT_ONCE) as other,
    ):
        await drain(leader)
        heard = await broker.listener("files.*")
        for _ in range(3):
            assert not await other.step()
        assert await ids_in(heard) == []
        assert len(await _aside(database)) == 1


async def test_the_operator_lists_them_and_has_them_tried(
    broker: Broker,
    database: Database,
    fresh_postgres: PrivateDatabase,
    capsys: pytest.CaptureFixture[str],
) -> None:
    secret = upload_data(name="payroll_of_ann.py")
    bad = await store_row(database, schema_version=7, data=secret)
    lost = await store_row(database, data=secret)
    url = fresh_postgres.url("files")
    async with relaying(database, broker.url) as relay:
        loop = Loop("relay", relay.step, pause=60, doorbell=relay.doorbell)
        async with running([loop]):
            await eventually(lambda: _count(database, 2))
            capsys.readouterr()
            assert await run(url, "files", "list") == 2
            printed = capsys.readouterr().out
            assert "payroll" not in printed
            first, second = map(json.loads, printed.splitlines())
            assert (first["event_id"], first["reason"]) == (str(bad), "FileUploaded v7")
            assert set(second) >= {"position", "event_id", "type", "stream_id", "reason"}
            assert (second["event_id"], second["stream_id"]) == (str(lost), f"file-{lost}")
            heard = await broker.listener("files.*")
            assert await run(url, "files", "retry") == 1
            assert await ids_in(heard) == [lost]


async def _count(database: Database, count: int) -> bool:
    return len(await _aside(database)) == count


async def test_the_command_tells_by_its_exit_code_whether_any_are_left(
    database: Database,
    broker: Broker,
    fresh_postgres: PrivateDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PREREVIEW_DATABASE_URL", fresh_postgres.url("files"))

    async def command(*arguments: str) -> int:
        return await asyncio.to_thread(partial(main, retry_timeout=0.5), arguments)

    assert await command("files", "retry") == 0
    await store_row(database, schema_version=7)
    async with relaying(database, broker.url) as relay:
        await drain(relay)
    assert await command("files", "list") == 0
    assert await command("files", "retry") == 1
    for wrong in (["reports", "list"], ["files", "drop"], ["nobody", "list"]):
        with pytest.raises(SystemExit):
            main(wrong)
    monkeypatch.delenv("PREREVIEW_DATABASE_URL")
    with pytest.raises(SystemExit):
        main(["files", "list"])


async def _says(client: httpx2.AsyncClient, state: str) -> bool:
    answer = await client.get("/readyz")
    return (answer.status_code, answer.json()["outbox"]) == (200, state)


async def test_a_service_says_that_events_are_set_aside(
    broker: Broker, database: Database, fresh_postgres: PrivateDatabase, keys: Keys
) -> None:
    await broker.listener("files.*")
    app = make("files", keys, database_url=fresh_postgres.url("files"), amqp_url=broker.url)

    async def figure(client: httpx2.AsyncClient) -> str:
        lines = (await client.get("/metrics")).text.splitlines()
        return next(line for line in lines if line.startswith("prereview_events_set_aside "))

    async with running_app(app) as client:
        await eventually(lambda: _says(client, "ok"))
        assert await figure(client) == "prereview_events_set_aside 0.0"
        await store_row(database, schema_version=7)
        await store_row(database, schema_version=8)
        async with database.transaction() as connection:
            await connection.execute(text("SELECT pg_notify('events_files', '')"))
        await eventually(lambda: _says(client, "events_set_aside"))
        assert await figure(client) == "prereview_events_set_aside 2.0"


async def test_who_reads_the_history_gets_past_what_cannot_be_told(
    database: Database, fresh_postgres: PrivateDatabase, keys: Keys
) -> None:
    spoilt: list[Callable[[], Any]] = [
        lambda: store_row(database),
        lambda: store_row(database, schema_version=7),
        lambda: store_row(database, stream_id="x" * 300),
        lambda: store_row(database),
    ]
    first, _, _, last = [await row() for row in spoilt]
    app = make("files", keys, database_url=fresh_postgres.url("files"))
    headers = as_service(keys, "reports", "files")
    async with without_loops(app), client_of(app, headers=headers) as client:
        answer = await client.get("/internal/events", params={"after": 0})
        page = answer.json()
        assert [event["id"] for event in page["events"]] == [str(first), str(last)]
        assert len(page["unreadable"]) == 2
        again = await client.get("/internal/events", params={"after": page["next"]})
        assert again.json() == {"events": [], "unreadable": [], "next": page["next"]}
