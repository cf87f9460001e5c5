"""The server-sent events of one connection."""

import asyncio
import time
from collections.abc import AsyncGenerator
from uuid import UUID

from fastapi.sse import ServerSentEvent

from services.reports.feed.reader import PAGE, FeedEntry, FeedPosition, FeedReader
from services.reports.journal_listener import JournalListener, is_set_within
from shared.contracts import PUBLISHED

LIFETIME = 300.0  # seconds; the client comes back with `Last-Event-ID` and a fresh token
_NAMES = {
    event.type_name(): name
    for producer, name in (("files", "file"), ("checker", "check"), ("notifier", "mail"))
    for event in PUBLISHED[producer]
}


async def stream(
    listener: JournalListener,
    reader: FeedReader,
    user_id: UUID,
    after: int | None,
    stopping: asyncio.Event,
) -> AsyncGenerator[ServerSentEvent, None]:
    """A user's events after a position of the journal, without one those from now on."""
    if after is None:
        after = await reader.last_position()
    yield ServerSentEvent(comment="listening", retry=2000)
    end = time.monotonic() + LIFETIME
    while not stopping.is_set() and time.monotonic() < end:
        notified = listener.next_notification(user_id)
        page = await reader.read(FeedPosition(user_id, after))
        for entry in page:
            after = entry.position
            if message := _message(entry):
                yield message
        while len(page) < PAGE and not stopping.is_set() and time.monotonic() < end:
            if await is_set_within(notified, 1.0):
                break


def _message(entry: FeedEntry) -> ServerSentEvent | None:
    """None for an event about no file: a mail about the account may be about another person's."""
    all_ids = {"file_id": entry.file_id, "check_id": entry.check_id}
    ids = {key: value for key, value in all_ids.items() if value is not None}
    name = _NAMES.get(entry.type)
    if name is None or not ids:
        return None
    return ServerSentEvent(id=str(entry.position), event=name, data={"type": entry.type, **ids})
