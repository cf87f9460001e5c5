"""What happens to files, checks and mails, told to reports event by event."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2

from services.reports.reactions import react
from shared.contracts.auth import UserErased
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.files import FileErased, FileReplaced, FileRestored, FileUploaded
from shared.contracts.notifier import EmailHeld, EmailQueued, MailKind
from shared.eventsourcing.event import RecordedEvent
from tests.integration.conftest import Pools
from tests.support.events import NOON, deleted, recorded, replaced, uploaded


async def happen(pools: Pools, *events: RecordedEvent) -> None:
    async with pools("reports").transaction() as connection:
        for event in events:
            await react(connection, [event])


def saved(
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


def lost(file_id: UUID, user_id: UUID, sequence: int, *, minute: int = 0) -> RecordedEvent:
    """Deleted by its owner."""
    at = NOON + timedelta(minutes=minute)
    return recorded(deleted(file_id, 1, user_id), f"file-{file_id}", sequence, at=at)


def restored(file_id: UUID, user_id: UUID, sequence: int) -> RecordedEvent:
    event = FileRestored(file_id=file_id, user_id=user_id, version=1)
    return recorded(event, f"file-{file_id}", sequence)


def contents_erased(file_id: UUID, user_id: UUID, sequence: int) -> RecordedEvent:
    event = FileErased(file_id=file_id, user_id=user_id, version=1)
    return recorded(event, f"file-{file_id}", sequence)


def result(
    event: FileChecked | CheckFailed, *, minute: int = 0, sequence: int | None = None
) -> RecordedEvent:
    at = NOON + timedelta(minutes=minute)
    return recorded(event, f"checks-{event.file_id}", sequence or event.version, at=at)


def person_erased(user_id: UUID) -> RecordedEvent:
    return recorded(UserErased(user_id=user_id), f"user-{user_id}", 2)


def account_mail(mail_id: UUID, user_id: UUID, kind: MailKind) -> EmailQueued:
    return EmailQueued(mail_id=mail_id, user_id=user_id, kind=kind)


def held(mail_id: UUID, check_id: UUID, user_id: UUID) -> EmailHeld:
    return EmailHeld(mail_id=mail_id, user_id=user_id, check_id=check_id)


async def pages(
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
