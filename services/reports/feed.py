"""Tells who is listening that something of theirs has changed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from fastapi.sse import ServerSentEvent
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from shared.contracts import producer_of
from shared.db import Database, telling_away
from shared.eventsourcing.event import RecordedEvent

PAGE = 100  # events
LIFETIME = 300.0  # seconds; the listener comes back with `Last-Event-ID` and a fresh token
_NAMES = {"files": "file", "checker": "check", "notifier": "mail"}  # by producer


class Bell:
    """Rings in this process when any copy of the service has noted an event."""

    def __init__(self, database: Database) -> None:
        """Take the pool that lends the one listening connection."""
        self._database = database
        self._connection: AsyncConnection | None = None
        self._rung = asyncio.Event()
        self._in_vain: set[UUID] = set()  # who has waited since the last ring, and for nothing

    async def step(self) -> bool:
        """Keep listening; a loop calls this now and then."""
        try:
            with telling_away():
                if self._connection is None:
                    self._connection = await self._listen()
                    self._ring()  # whatever was missed while nobody listened
                await self._connection.execute(text("SELECT 1"))
                await self._connection.commit()
        except BaseException:
            await self.close()
            raise
        return False

    def next(self) -> asyncio.Event:
        """What will be set by the next ring. Take it, then look, then wait: no ring is missed."""
        return self._rung

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
            "journal_reports", self._ring
        )
        return connection

    def is_in_vain(self, user_id: UUID) -> bool:
        """Whether this person has waited for news since the last ring, and there was none."""
        return user_id in self._in_vain

    def was_in_vain(self, user_id: UUID) -> None:
        self._in_vain.add(user_id)

    def _ring(self, *_: Any) -> None:
        self._rung.set()
        self._rung = asyncio.Event()
        self._in_vain.clear()


async def changes(
    database: Database, bell: Bell, user_id: UUID, after: int | None, stopping: asyncio.Event
) -> AsyncIterator[ServerSentEvent]:
    """A user's events after a journal position, from now on without one."""
    if after is None:
        async with database.transaction() as connection:
            after = await journal.last_position(connection)
    yield ServerSentEvent(comment="listening", retry=2000)
    end = time.monotonic() + LIFETIME
    while not stopping.is_set() and time.monotonic() < end:
        ring = bell.next()
        async with database.transaction() as connection:
            page = await journal.of_user(connection, user_id, after, PAGE)
        for position, recorded in page:
            after = position
            if recorded is not None and (news := _told(position, recorded)):
                yield news
        while not page and not stopping.is_set() and time.monotonic() < end:
            if await _rang(ring, 1.0):
                break


async def holds_or_wait(
    database: Database, bell: Bell, user_id: UUID, event_id: UUID, seconds: float
) -> None:
    """Wait until the journal holds an event, but no longer than the given time.

    Where nothing at all arrives in that time, something is stopped on the way: the same person
    does not wait again until the journal has moved on.
    """
    end, first = time.monotonic() + seconds, bell.next()
    while True:
        ring = bell.next()
        async with database.transaction() as connection:
            if await journal.holds(connection, event_id):
                return
        left = end - time.monotonic()
        if left <= 0 or bell.is_in_vain(user_id):
            break
        await _rang(ring, left)
    if not first.is_set():
        bell.was_in_vain(user_id)


async def _rang(ring: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ring.wait()
    return ring.is_set()


def _told(position: int, recorded: RecordedEvent) -> ServerSentEvent | None:
    """Nothing of what is about no file: a mail about the account may tell of somebody else's."""
    event = type(recorded.event)
    ids = {
        key: str(value)
        for key in ("file_id", "check_id")
        if (value := getattr(recorded.event, key, None)) is not None
    }
    name = _NAMES.get(producer_of(event))
    if name is None or not ids:
        return None
    return ServerSentEvent(id=str(position), event=name, data={"type": event.type_name(), **ids})
