"""Files, checks and mails as people read them.

Producers are independent, so events come in any order and more than once: each writes its own
columns, guarded by its version, and any permutation ends in the same rows.
"""

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from shared.contracts.checker import CheckFailed, Counts, FileChecked
from shared.contracts.files import FileDeleted, FileReplaced, FileUploaded
from shared.contracts.notifier import EmailFailed, EmailQueued, EmailSent, EmailSuppressed
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Projection

_SAVE_LIFE = """
INSERT INTO files (file_id, user_id, sequence, deleted)
VALUES (:file_id, :user_id, :sequence, :deleted)
ON CONFLICT (file_id) DO UPDATE SET sequence = excluded.sequence, deleted = excluded.deleted
WHERE files.sequence < excluded.sequence
"""

_SAVE_VERSION = """
UPDATE files SET version = :version, name = :name, size = :size, sha256 = :sha256,
                 uploaded_at = :recorded_at
WHERE file_id = :file_id AND version < :version
"""

_SAVE_CHECK = """
INSERT INTO checks (check_id, file_id, user_id, file_name, version, sha256, engine, profile,
                    started_at, checked_at, duration_ms, outcome, reason, verdict, counts,
                    truncated, findings, fixed)
VALUES (:check_id, :file_id, :user_id, :file_name, :version, :sha256, :engine, :profile,
        :started_at, :checked_at, :duration_ms, :outcome, :reason, :verdict,
        CAST(:counts AS jsonb), :truncated, CAST(:findings AS jsonb), CAST(:fixed AS jsonb))
ON CONFLICT DO NOTHING
"""

_SAVE_MAIL = """
INSERT INTO mails (mail_id, check_id, user_id, sequence, state, attempts, sent_at, message_id,
                   reply, reason, next_attempt_at)
VALUES (:mail_id, :check_id, :user_id, :sequence, :state, :attempts, :sent_at, :message_id,
        :reply, :reason, :next_attempt_at)
ON CONFLICT (mail_id) DO UPDATE SET
    sequence = excluded.sequence, state = excluded.state, sent_at = excluded.sent_at,
    attempts = excluded.attempts, message_id = excluded.message_id, reply = excluded.reply,
    reason = excluded.reason, next_attempt_at = excluded.next_attempt_at
WHERE mails.sequence < excluded.sequence
"""


async def _file_saved(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    values = _values(recorded)
    await connection.execute(text(_SAVE_LIFE), {**values, "deleted": False})
    await connection.execute(text(_SAVE_VERSION), values)


async def _file_deleted(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await connection.execute(text(_SAVE_LIFE), {**_values(recorded), "deleted": True})


async def _checked(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, FileChecked)  # noqa: S101 - the table of handlers says so
    data = event.model_dump(mode="json")
    values = _values(recorded) | {
        "reason": None,
        "checked_at": recorded.recorded_at,
        "counts": json.dumps(data["counts"]),
        "findings": json.dumps(data["findings"]),
        "fixed": json.dumps(data["fixed"]),
    }
    await connection.execute(text(_SAVE_CHECK), values)


async def _check_failed(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    nothing = {"counts": Counts().model_dump_json(), "findings": "[]", "fixed": "[]"}
    values = (
        _values(recorded)
        | nothing
        | {
            "checked_at": recorded.recorded_at,
            "outcome": "failed",
            "verdict": None,
            "truncated": False,
        }
    )
    await connection.execute(text(_SAVE_CHECK), values)


async def _mail(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    unset = dict.fromkeys(("sent_at", "message_id", "reply", "reason", "next_attempt_at"))
    values = {"attempts": 0, **unset, **_values(recorded), "state": _state(recorded.event)}
    await connection.execute(text(_SAVE_MAIL), values)


def _state(event: object) -> str:
    match event:
        case EmailSent():
            return "sent"
        case EmailSuppressed():
            return "suppressed"
        case EmailFailed(next_attempt_at=None):
            return "failed"
        case _:
            return "queued"


def _values(recorded: RecordedEvent) -> dict[str, Any]:
    more = {"sequence": recorded.version, "recorded_at": recorded.recorded_at}
    return {**vars(recorded.event), **more}


FILES = Projection(
    "files",
    ("files",),
    {FileUploaded: _file_saved, FileReplaced: _file_saved, FileDeleted: _file_deleted},
)
CHECKS = Projection("checks", ("checks",), {FileChecked: _checked, CheckFailed: _check_failed})
MAILS = Projection(
    "mails",
    ("mails",),
    {EmailQueued: _mail, EmailSent: _mail, EmailFailed: _mail, EmailSuppressed: _mail},
)
PROJECTIONS = (FILES, CHECKS, MAILS)
history = journal.history
