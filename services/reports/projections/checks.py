"""The check log, with everything a report tells."""

import json

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.projections.common import facts, forget_in
from shared.contracts.auth import UserErased
from shared.contracts.checker import CheckFailed, Counts, FileChecked
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Projection

_SAVE_CHECK = """
INSERT INTO checks (check_id, file_id, user_id, file_name, version, sha256, engine, profile,
                    started_at, checked_at, duration_ms, outcome, reason, verdict, counts,
                    truncated, findings, fixed)
VALUES (:check_id, :file_id, :user_id, :file_name, :version, :sha256, :engine, :profile,
        :started_at, :checked_at, :duration_ms, :outcome, :reason, :verdict,
        CAST(:counts AS jsonb), :truncated, CAST(:findings AS jsonb), CAST(:fixed AS jsonb))
ON CONFLICT DO NOTHING
"""


async def _checked(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, FileChecked)  # noqa: S101 - the table of handlers says so
    data = event.model_dump(mode="json")
    values = facts(recorded) | {
        "reason": None,
        "checked_at": recorded.recorded_at,
        "counts": json.dumps(data["counts"]),
        "findings": json.dumps(data["findings"]),
        "fixed": json.dumps(data["fixed"]),
    }
    await connection.execute(text(_SAVE_CHECK), values)


async def _check_failed(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    values = facts(recorded) | {
        "checked_at": recorded.recorded_at,
        "outcome": "failed",
        "verdict": None,
        "counts": Counts().model_dump_json(),
        "truncated": False,
        "findings": "[]",
        "fixed": "[]",
    }
    await connection.execute(text(_SAVE_CHECK), values)


CHECKS = Projection(
    "checks",
    ("checks",),
    {FileChecked: _checked, CheckFailed: _check_failed, UserErased: forget_in("checks")},
)
