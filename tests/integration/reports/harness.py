"""Events of files, checks and mails as reports receives them, and what its API returns."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
from fastapi import FastAPI
from fastapi.sse import ServerSentEvent

from services.reports import journal
from services.reports.feed.reader import FeedReader
from services.reports.feed.stream import stream
from services.reports.journal_listener import JournalListener
from services.reports.reactions import react
from shared.contracts.auth import UserErased
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.files import FileErased, FileReplaced, FileRestored, FileUploaded
from shared.contracts.notifier import EmailHeld, EmailQueued, MailKind
from shared.db import Database
from shared.eventsourcing.event import Event, RecordedEvent
from tests.integration.conftest import Pools
from tests.support.events import NOON, check_failed, checked, deleted, recorded, replaced, uploaded

MakeApp = Callable[..., AbstractAsyncContextManager[FastAPI]]


async def receive(pools: Pools, *events: RecordedEvent) -> None:
    """React to each event on its own."""
    async with pools("reports").transaction() as connection:
        for event in events:
            await react(connection, [event])


async def receive_batch(pools: Pools, *events: Event) -> None:
    """React to all events together."""
    async with pools("reports").transaction() as connection:
        await react(connection, [recorded(event) for event in events])


async def last_position(database: Database) -> int:
    async with database.transaction() as connection:
        return await journal.last_position(connection)


@asynccontextmanager
async def open_feed(
    pools: Pools, listener: JournalListener, user_id: UUID, after: int | None = None
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    """A feed of a user that listens for notifications."""
    feed = stream(listener, FeedReader(pools("reports")), user_id, after, asyncio.Event())
    try:
        assert (await next_message(feed)).comment == "listening"
        yield feed
    finally:
        await feed.aclose()


async def next_message(feed: AsyncIterator[ServerSentEvent]) -> ServerSentEvent:
    async with asyncio.timeout(5):
        return await anext(feed)


def file_saved(
    file_id: UUID,
    user_id: UUID,
    version: int = 1,
    *,
    minute: int = 0,
    name: str = "main.py",
    size: int = 0,
) -> RecordedEvent:
    event: FileUploaded | FileReplaced = (
        uploaded(file_id, user_id, name)
        if version == 1
        else replaced(file_id, version, user_id, name)
    )
    event = event.model_copy(update={"size": size})
    return recorded(event, f"file-{file_id}", version, at=NOON + timedelta(minutes=minute))


def file_deleted(file_id: UUID, user_id: UUID, sequence: int, *, minute: int = 0) -> RecordedEvent:
    at = NOON + timedelta(minutes=minute)
    return recorded(deleted(file_id, 1, user_id), f"file-{file_id}", sequence, at=at)


def file_restored(file_id: UUID, user_id: UUID, sequence: int) -> RecordedEvent:
    event = FileRestored(file_id=file_id, user_id=user_id, version=1)
    return recorded(event, f"file-{file_id}", sequence)


def file_erased(file_id: UUID, user_id: UUID, sequence: int) -> RecordedEvent:
    event = FileErased(file_id=file_id, user_id=user_id, version=1)
    return recorded(event, f"file-{file_id}", sequence)


def check_recorded(
    event: FileChecked | CheckFailed, *, minute: int = 0, sequence: int | None = None
) -> RecordedEvent:
    at = NOON + timedelta(minutes=minute)
    return recorded(event, f"checks-{event.file_id}", sequence or event.version, at=at)


def user_erased(user_id: UUID) -> RecordedEvent:
    return recorded(UserErased(user_id=user_id), f"user-{user_id}", 2)


def account_mail_queued(mail_id: UUID, user_id: UUID, kind: MailKind) -> EmailQueued:
    return EmailQueued(mail_id=mail_id, user_id=user_id, kind=kind)


def mail_held(mail_id: UUID, check_id: UUID, user_id: UUID) -> EmailHeld:
    return EmailHeld(mail_id=mail_id, user_id=user_id, check_id=check_id)


async def all_pages(
    client: httpx2.AsyncClient, what: str, query: dict[str, Any]
) -> list[list[dict[str, Any]]]:
    """Every page of `/internal/files`, `/internal/checks` … to the last."""
    found, query = [], dict(query)
    while True:
        page = (await client.get(f"/internal/{what}", params=query)).json()
        found.append(page[what.rsplit("/", maxsplit=1)[-1]])
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


KINDS_OF_FILES = {
    "fresh.py": ("new", "waiting", None),
    "good.py": ("new", "checked", "ready"),
    "bad.py": ("replaced", "checked", "not_ready"),
    "broken.py": ("new", "failed", None),
    "changed.py": ("replaced", "waiting", None),
    "gone.py": ("deleted", "checked", "ready"),
}
"""Mark, state of the check and verdict of each file that `save_every_kind_of_file` saves."""


async def save_every_kind_of_file(pools: Pools, ann: UUID) -> None:
    """A file of each kind; `changed.py` was ready before it was changed."""
    ids = {name: uuid4() for name in KINDS_OF_FILES}
    for number, (name, file_id) in enumerate(ids.items()):
        await receive(pools, file_saved(file_id, ann, name=name, minute=number, size=number))
    ready = {"verdict": "ready", "outcome": "clean"}
    for name in ("good.py", "changed.py", "gone.py"):
        await receive(pools, check_recorded(checked(ids[name], 1, ann).model_copy(update=ready)))
    await receive(pools, check_recorded(check_failed(ids["broken.py"], 1, ann)))
    for name in ("bad.py", "changed.py"):
        await receive(pools, file_saved(ids[name], ann, 2, name=name, minute=10))
    await receive(
        pools, check_recorded(checked(ids["bad.py"], 2, ann)), file_deleted(ids["gone.py"], ann, 2)
    )
    await receive(pools, file_saved(uuid4(), uuid4(), name="bob.py"))
