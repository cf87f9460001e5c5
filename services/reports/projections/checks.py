"""The check log, with the findings."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.projections.common import erase_rows, values_of
from shared.contracts.auth import UserErased
from shared.contracts.checker import CheckFailed, Counts, FileChecked, Finding, FixedFinding
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Projection, execute_each

_SAVE_CHECK = text("""
INSERT INTO checks (check_id, file_id, user_id, file_name, version, sha256, engine, profile,
                    started_at, checked_at, duration_ms, outcome, reason, verdict, counts,
                    truncated, findings, fixed)
VALUES (:check_id, :file_id, :user_id, :file_name, :version, :sha256, :engine, :profile,
        :started_at, :checked_at, :duration_ms, :outcome, :reason, :verdict,
        CAST(:counts AS jsonb), :truncated, CAST(:findings AS jsonb), CAST(:fixed AS jsonb))
ON CONFLICT DO NOTHING
""")


async def _save_checks(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _SAVE_CHECK, [_values(recorded) for recorded in events])


def _values(recorded: RecordedEvent) -> dict[str, Any]:
    values = values_of(recorded) | {"checked_at": recorded.recorded_at}
    if isinstance(recorded.event, CheckFailed):
        return values | _FAILED
    assert isinstance(recorded.event, FileChecked)  # noqa: S101 - the table of handlers says so
    return values | {
        "reason": None,
        "counts": recorded.event.counts.model_dump_json(),
        "findings": _FINDINGS.dump_json(recorded.event.findings).decode(),
        "fixed": _FIXED.dump_json(recorded.event.fixed).decode(),
    }


_FINDINGS, _FIXED = TypeAdapter(list[Finding]), TypeAdapter(list[FixedFinding])
_FAILED = {
    "outcome": "failed",
    "verdict": None,
    "counts": Counts().model_dump_json(),
    "truncated": False,
    "findings": "[]",
    "fixed": "[]",
}

CHECKS = Projection(
    "checks",
    ("checks",),
    {FileChecked: _save_checks, CheckFailed: _save_checks, UserErased: erase_rows("checks")},
    any_order=True,
)
