"""Makes the event of a check from ruff's result, and the metadata that says what caused it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.checker.claims.due_files import DueFile
from services.checker.domain.history import History
from services.checker.linting.ruff import RuffFailure, RuffResult
from services.checker.results.findings import assess
from services.checker.rules import Profile
from shared import telemetry
from shared.contracts.checker import CheckFailed, FileChecked
from shared.eventsourcing.event import Metadata
from shared.ids import derived_id


@dataclass(frozen=True)
class RuffRun:
    """A run of ruff; `duration_ms` is the time until the result was known."""

    engine: str
    profile: Profile
    started_at: datetime
    duration_ms: int

    @property
    def tool(self) -> str:
        return tool_of(self.engine, self.profile)


def tool_of(engine: str, profile: Profile) -> str:
    """Names what the duration of a check depends on besides the file."""
    return f"{engine} {profile.digest}"


def check_event(
    history: History, file: DueFile, run: RuffRun, result: RuffResult | RuffFailure
) -> FileChecked | CheckFailed:
    facts: dict[str, Any] = {
        "check_id": derived_id("check", file.file_id, file.version),
        "file_id": file.file_id,
        "user_id": file.user_id,
        "file_name": file.name,
        "version": file.version,
        "sha256": file.sha256,
        "engine": run.engine,
        "profile": f"{run.profile.label} {run.profile.digest}",
        "started_at": run.started_at,
        "duration_ms": run.duration_ms,
    }
    if isinstance(result, RuffFailure):
        return CheckFailed(**facts, reason=result.reason)
    return FileChecked(**facts, **vars(assess(result, run.profile, history)))


def caused_by(file: DueFile) -> Metadata | None:
    """The request that made the version due, not the tick of the schedule that began the run.

    None for a version without a stored cause.
    """
    if file.causation_id is None:
        return None
    with telemetry.continued(file.traceparent, "checker records a check"):
        return Metadata(
            correlation_id=file.correlation_id,
            causation_id=file.causation_id,
            traceparent=telemetry.traceparent(),
        )
