"""Who listens is told what has changed, once each, also after a break."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.sse import ServerSentEvent
from sqlalchemy import event, text

from services.reports import journal
from services.reports.feed import Bell, changes
from services.reports.news import Newsreader
from services.reports.reactions import react
from shared.contracts.auth import AccountMailRequested
from shared.contracts.notifier import EmailQueued
from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing.event import Event, RecordedEvent
from tests.integration.conftest import Pools
from tests.support.apps import as_user, client_of, is_problem
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN, BOB, checked, queued, recorded, sent, uploaded
from tests.support.keys import Keys
from tests.support.proxy import proxy_to
from tests.support.waiting import eventually


@pytest_asyncio.fixture
async def bell(pools: Pools) -> AsyncIterator[Bell]:
    made = Bell(pools("reports"))
    yield made
    await made.close()


async def happen(pools: Pools, *events: Event) -> list[RecordedEvent]:
    noted = [recorded(event) for event in events]
    async with pools("reports").transaction() as connection:
        await react(connection, noted)
    return noted


async def last_position(database: Database) -> int:
    async with database.transaction() as connection:
        return await journal.last_position(connection)


@asynccontextmanager
async def listening(
    pools: Pools, bell: Bell, user_id: UUID, after: int | None = None
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    feed = changes(bell, Newsreader(pools("reports")), user_id, after, asyncio.Event())
    try:
        assert (await _next(feed)).comment == "listening"
        yield feed
    finally:
        await cast("AsyncGenerator[ServerSentEvent]", feed).aclose()


async def _next(feed: AsyncIterator[ServerSentEvent]) -> ServerSentEvent:
    async with asyncio.timeout(5):
        return await anext(feed)


async def test_changes_are_told_as_they_happen(pools: Pools, bell: Bell) -> None:
    ann, file_id, mail_id = uuid4(), uuid4(), uuid4()
    await bell.step()
    async with listening(pools, bell, ann) as feed:
        check = checked(file_id, 1, ann)
        for event, name, ids in (
            (uploaded(file_id, ann), "file", {"file_id": str(file_id)}),
            (check, "check", {"file_id": str(file_id), "check_id": str(check.check_id)}),
            (queued(mail_id, check.check_id, ann), "mail", {"check_id": str(check.check_id)}),
            (sent(mail_id, check.check_id, 1, ann), "mail", {"check_id": str(check.check_id)}),
        ):
            await happen(pools, event)
            told = await _next(feed)
            assert told.event == name
            assert told.data == {"type": event.type_name(), **ids}


async def test_who_comes_back_is_told_what_they_missed_and_nothing_twice(
    pools: Pools, bell: Bell
) -> None:
    ann, files = uuid4(), [uuid4() for _ in range(7)]
    await bell.step()
    heard: list[str] = []
    after = await last_position(pools("reports"))
    await happen(pools, *(uploaded(file_id, ann) for file_id in files[:3]))
    for count in (2, 2, 3):
        async with listening(pools, bell, ann, after) as feed:
            if count == 3:
                await happen(pools, *(uploaded(file_id, ann) for file_id in files[5:]))
            for _ in range(count):
                told = await _next(feed)
                assert isinstance(told.data, dict)
                heard.append(told.data["file_id"])
                assert told.id is not None
                after = int(told.id)
        if count == 2 and len(heard) == 2:
            await happen(pools, *(uploaded(file_id, ann) for file_id in files[3:5]))
    assert heard == [str(file_id) for file_id in files]


_SPOIL = """
UPDATE journal SET data = '[]' WHERE position = (
    SELECT max(position) FROM journal WHERE user_id = :user_id)
"""


async def test_who_listens_gets_past_what_cannot_be_read(pools: Pools, bell: Bell) -> None:
    ann, after = uuid4(), await last_position(pools("reports"))
    lost, told = uuid4(), uuid4()
    await happen(pools, uploaded(lost, ann))
    async with pools("reports").transaction() as connection:
        await connection.execute(text(_SPOIL), {"user_id": ann})
    await happen(pools, uploaded(told, ann))
    try:
        async with listening(pools, bell, ann, after) as feed:
            news = await _next(feed)
            assert isinstance(news.data, dict)
            assert news.data["file_id"] == str(told)
    finally:  # what is built from the journal could not be built any more
        async with pools("reports").transaction() as connection:
            await connection.execute(text("DELETE FROM journal WHERE data = '[]'"))


async def test_nobody_hears_of_others(pools: Pools, bell: Bell) -> None:
    ann, bob, mine = uuid4(), uuid4(), uuid4()
    await bell.step()
    async with listening(pools, bell, ann) as feed:
        await happen(pools, uploaded(uuid4(), bob), uploaded(mine, ann), uploaded(uuid4(), bob))
        told = await _next(feed)
        assert isinstance(told.data, dict)
        assert told.data["file_id"] == str(mine)


async def test_what_is_about_no_file_is_kept_quiet(pools: Pools, bell: Bell) -> None:
    """Whether a mail about the account was written may tell of somebody else's account."""
    ann, mine, mail_id = uuid4(), uuid4(), uuid4()
    await bell.step()
    async with listening(pools, bell, ann) as feed:
        await happen(
            pools,
            AccountMailRequested(user_id=ann, request_id=mail_id, kind="confirm_new_email"),
            EmailQueued(mail_id=mail_id, user_id=ann, kind="confirm_new_email"),
            uploaded(mine, ann),
        )
        told = await _next(feed)
        assert isinstance(told.data, dict)
        assert told.data["file_id"] == str(mine)


async def test_more_than_a_page_is_told_whole(pools: Pools, bell: Bell) -> None:
    ann, after = uuid4(), await last_position(pools("reports"))
    await happen(pools, *(uploaded(uuid4(), ann) for _ in range(230)))
    async with listening(pools, bell, ann, after) as feed:
        positions = [int((await _next(feed)).id or 0) for _ in range(230)]
    assert positions == sorted(set(positions))


class Queries:
    """Counts the statements of a pool that hold a word."""

    def __init__(self, database: Database, word: str) -> None:
        self.count, self._word = 0, word
        event.listen(database.engine.sync_engine, "after_cursor_execute", self._executed)

    def _executed(self, _: object, __: object, statement: str, *___: object) -> None:
        self.count += self._word in statement


async def test_however_many_pages_are_open_news_are_read_in_one_query(
    fresh_postgres: PrivateDatabase,
) -> None:
    people = [uuid4() for _ in range(20)]
    database = Database(fresh_postgres.url("reports"))
    reader, bell, stopping = Newsreader(database), Bell(database), asyncio.Event()
    pages = [changes(bell, reader, person, 0, stopping) for person in people for _ in range(10)]
    await bell.step()
    for page in pages:
        assert (await _next(page)).comment == "listening"
    waiting = [asyncio.create_task(_next(page)) for page in pages]
    await asyncio.sleep(0.5)
    queries = Queries(database, "AS listener")
    files = {person: uuid4() for person in people}
    async with database.transaction() as connection:
        await react(connection, [recorded(uploaded(files[person], person)) for person in people])
    told = await asyncio.gather(*waiting)
    assert [cast("dict[str, str]", news.data)["file_id"] for news in told] == [
        str(files[person]) for person in people for _ in range(10)
    ]
    assert queries.count == 1
    await bell.close()
    await database.close()


async def test_a_ring_wakes_nobody_but_those_it_concerns(pools: Pools, bell: Bell) -> None:
    await bell.step()
    anns, bobs, rings = bell.next(ANN), bell.next(BOB), bell.rings
    await happen(pools, uploaded(uuid4(), ANN))
    await asyncio.wait_for(anns.wait(), 5)
    assert not bobs.is_set()
    assert bell.rings == rings + 1


async def test_a_ring_for_more_people_than_can_be_named_wakes_all(pools: Pools, bell: Bell) -> None:
    await bell.step()
    bobs = bell.next(BOB)
    await happen(pools, *(uploaded(uuid4(), uuid4()) for _ in range(journal.MOST_NAMED)))
    await asyncio.sleep(0.1)
    assert not bobs.is_set()
    await happen(pools, *(uploaded(uuid4(), uuid4()) for _ in range(journal.MOST_NAMED + 1)))
    await asyncio.wait_for(bobs.wait(), 5)


async def test_a_feed_ends_when_the_service_does(pools: Pools, bell: Bell) -> None:
    stopping = asyncio.Event()

    async def listen() -> int:
        feed = changes(bell, Newsreader(pools("reports")), uuid4(), None, stopping)
        return len([told async for told in feed])

    task = asyncio.create_task(listen())
    await asyncio.sleep(0.1)
    stopping.set()
    assert await asyncio.wait_for(task, 3) == 1


async def test_a_bell_whose_connection_died_says_so_and_rings_again(
    pools: Pools, postgres: PrivateDatabase
) -> None:
    async with proxy_to(postgres.url("reports")) as (proxy, url):
        database = Database(url)
        bell = Bell(database)
        await bell.step()
        await proxy.cut()
        with pytest.raises(Unavailable):
            await bell.step()
        await proxy.mend()
        ring = bell.next(ANN)
        await bell.step()
        assert ring.is_set()  # whatever was missed meanwhile
        ring = bell.next(ANN)
        await happen(pools, uploaded(uuid4(), ANN))
        await asyncio.wait_for(ring.wait(), 5)
        await bell.close()
        await database.close()


class Browser:
    """Opens the feed and keeps what it is told, as it is told."""

    def __init__(self, app: FastAPI, headers: dict[str, str]) -> None:
        self.status, self.text = 0, ""
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/internal/feed",
            "raw_path": b"/internal/feed",
            "query_string": b"",
            "headers": raw,
            "client": ("127.0.0.1", 1),
            "server": ("service", 80),
        }
        self.listening = asyncio.create_task(app(scope, self._receive, self._send))

    def messages(self) -> list[dict[str, str]]:
        blocks = [block for block in self.text.split("\n\n") if "data:" in block]
        return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]

    async def has(self, count: int) -> bool:
        return len(self.messages()) >= count

    async def _receive(self) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.text += message.get("body", b"").decode()


async def test_the_feed_through_the_application(app: FastAPI, keys: Keys, pools: Pools) -> None:
    ann, file_id = uuid4(), uuid4()
    await app.state.provided[Bell].step()
    last = await last_position(pools("reports"))
    await happen(pools, uploaded(file_id, ann))
    browser = Browser(app, as_user(keys, ann) | {"Last-Event-ID": str(last)})
    await eventually(partial(browser.has, 1))
    await happen(pools, checked(file_id, 1, ann))
    await eventually(partial(browser.has, 2))
    app.state.stopping.set()
    await asyncio.wait_for(browser.listening, 5)
    assert browser.status == 200
    first, second = browser.messages()
    assert (first["event"], second["event"]) == ("file", "check")
    assert json.loads(first["data"]) == {"type": "FileUploaded", "file_id": str(file_id)}
    assert int(second["id"]) > int(first["id"]) > last


@pytest.mark.parametrize("last", ["-1", "x", str(2**63), "1.5"])
async def test_garbage_as_the_last_event_is_invalid(app: FastAPI, keys: Keys, last: str) -> None:
    headers = as_user(keys, uuid4()) | {"Last-Event-ID": last}
    async with client_of(app, headers=headers) as client:
        assert is_problem(await client.get("/internal/feed"), 422, "invalid")


async def test_nobody_listens_without_a_token(app: FastAPI) -> None:
    async with client_of(app) as client:
        assert is_problem(await client.get("/internal/feed"), 401, "unauthenticated")
