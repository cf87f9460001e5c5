"""Tells who is listening that something of theirs has changed."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from fastapi.sse import ServerSentEvent
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from services.reports.news import PAGE, Listener, News, Newsreader
from shared.contracts import PUBLISHED
from shared.db import Database, translate_connection_errors

_PING = text("""
SELECT 1
""")
LIFETIME = 300.0  # seconds; the listener comes back with `Last-Event-ID` and a fresh token
_NAMES = {
    event.type_name(): name
    for producer, name in (("files", "file"), ("checker", "check"), ("notifier", "mail"))
    for event in PUBLISHED[producer]
}


class Bell:
    """Rings in this process when any copy of the service has noted an event, for its person."""

    def __init__(self, database: Database) -> None:
        """Take the pool that lends the one listening connection."""
        self._database = database
        self._connection: AsyncConnection | None = None
        # By person, as long as somebody waits for the ring.
        self._awaited: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        self._in_vain: set[UUID] = set()  # who has waited since the last ring, and for nothing
        self.rings = 0  # for anybody

    async def step(self) -> bool:
        """Keep listening; a loop calls this now and then."""
        try:
            with translate_connection_errors():
                if self._connection is None:
                    self._connection = await self._listen()
                    self._ring(list(self._awaited))  # whatever was missed while nobody listened
                await self._connection.execute(_PING)
                await self._connection.commit()
        except BaseException:
            await self.close()
            raise
        return False

    def next(self, user_id: UUID) -> asyncio.Event:
        """What the person's next ring will set. Take it, then look, then wait: none is missed."""
        return self._awaited.setdefault(user_id.hex, asyncio.Event())

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                await connection.invalidate()
                await connection.close()

    async def _listen(self) -> AsyncConnection:
        connection = await self._database.connect()
        raw = await connection.get_raw_connection()
        await raw.driver_connection.add_listener(  # type: ignore[union-attr]
            "journal_reports", self._notified
        )
        return connection

    def is_in_vain(self, user_id: UUID) -> bool:
        """Whether this person has waited for news since the last ring, and there was none."""
        return user_id in self._in_vain

    def was_in_vain(self, user_id: UUID) -> None:
        self._in_vain.add(user_id)

    def _notified(self, _: object, __: int, ___: str, payload: Any) -> None:
        self._ring(payload.split(",") if payload else list(self._awaited))

    def _ring(self, people: Sequence[str]) -> None:
        self.rings += 1
        self._in_vain.clear()
        for person in people:
            if (ring := self._awaited.pop(person, None)) is not None:
                ring.set()


async def changes(
    bell: Bell,
    reader: Newsreader,
    user_id: UUID,
    after: int | None,
    stopping: asyncio.Event,
) -> AsyncIterator[ServerSentEvent]:
    """A user's events after a journal position, from now on without one."""
    if after is None:
        after = await reader.last_position()
    yield ServerSentEvent(comment="listening", retry=2000)
    end = time.monotonic() + LIFETIME
    while not stopping.is_set() and time.monotonic() < end:
        ring = bell.next(user_id)
        page = await reader.next(Listener(user_id, after))
        for one in page:
            after = one.position
            if news := _told(one):
                yield news
        while len(page) < PAGE and not stopping.is_set() and time.monotonic() < end:
            if await _rang(ring, 1.0):
                break


async def holds_or_wait(
    database: Database, bell: Bell, user_id: UUID, event_id: UUID, seconds: float
) -> None:
    """Wait until the journal holds an event of a person, but no longer than the given time.

    Where nothing at all arrives in that time, something is stopped on the way: the same person
    does not wait again until the journal has moved on.
    """
    end, rings = time.monotonic() + seconds, bell.rings
    while True:
        ring = bell.next(user_id)
        async with database.questions() as connection:
            if await journal.holds(connection, event_id):
                return
        left = end - time.monotonic()
        if left <= 0 or bell.is_in_vain(user_id):
            break
        await _rang(ring, left)
    if bell.rings == rings:
        bell.was_in_vain(user_id)


async def _rang(ring: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ring.wait()
    return ring.is_set()


def _told(news: News) -> ServerSentEvent | None:
    """Nothing of what is about no file: a mail about the account may tell of somebody else's."""
    told = {"file_id": news.file_id, "check_id": news.check_id}
    ids = {key: value for key, value in told.items() if value is not None}
    name = _NAMES.get(news.type)
    if name is None or not ids:
        return None
    return ServerSentEvent(id=str(news.position), event=name, data={"type": news.type, **ids})
