"""Open feeds are answered together."""

import asyncio
from uuid import uuid4

from sqlalchemy import event

from services.reports.feed.reader import FeedReader
from services.reports.feed.stream import stream
from services.reports.journal_listener import JournalListener
from services.reports.reactions import react
from shared.db import Database
from tests.integration.reports.harness import next_message
from tests.support.databases import PrivateDatabase
from tests.support.events import recorded, uploaded


class Queries:
    """Counts the statements of a pool that hold a word."""

    def __init__(self, database: Database, word: str) -> None:
        self.count, self._word = 0, word
        event.listen(database.engine.sync_engine, "after_cursor_execute", self._executed)

    def _executed(self, _: object, __: object, statement: str, *___: object) -> None:
        self.count += self._word in statement


async def test_however_many_feeds_are_open_they_are_answered_by_one_query(
    fresh_postgres: PrivateDatabase,
) -> None:
    people = [uuid4() for _ in range(20)]
    database = Database(fresh_postgres.url("reports"))
    reader, listener, stopping = FeedReader(database), JournalListener(database), asyncio.Event()
    feeds = [stream(listener, reader, person, 0, stopping) for person in people for _ in range(10)]
    await listener.step()
    for feed in feeds:
        assert (await next_message(feed)).comment == "listening"
    waiting = [asyncio.create_task(next_message(feed)) for feed in feeds]
    await asyncio.sleep(0.5)
    queries = Queries(database, "AS feed")
    files = {person: uuid4() for person in people}
    async with database.transaction() as connection:
        await react(connection, [recorded(uploaded(files[person], person)) for person in people])
    messages = await asyncio.gather(*waiting)
    assert [message.data for message in messages] == [
        {"type": "FileUploaded", "file_id": str(files[person])}
        for person in people
        for _ in range(10)
    ]
    assert queries.count == 1
    await listener.close()
    await database.close()
