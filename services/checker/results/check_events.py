"""From ruff's answer about a file to the event that says it, and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.checker.claims.due_files import DueFile
from services.checker.domain.history import History
from services.checker.linting.ruff import RuffFailure, RuffResult
from services.checker.results.findings import report
from services.checker.rules import Profile
from shared import telemetry
from shared.contracts.checker import CheckFailed, FileChecked
from shared.eventsourcing.event import Metadata
from shared.ids import derived_id


@dataclass(frozen=True)
class Run:
    """A run of ruff over a batch; `duration_ms` is what it took until the result was there."""

    engine: str
    profile: Profile
    started_at: datetime
    duration_ms: int

    @property
    def tool(self) -> str:
        return tool_of(self.engine, self.profile)


def tool_of(engine: str, profile: Profile) -> str:
    """What the time of a check depends on besides the file."""
    return f"{engine} {profile.digest}"


def check_event(
    history: History, file: DueFile, run: Run, answer: RuffResult | RuffFailure
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
    if isinstance(answer, RuffFailure):
        return CheckFailed(**facts, reason=answer.reason)
    return FileChecked(**facts, **vars(report(answer, run.profile, history)))


def caused_by(file: DueFile) -> Metadata | None:
    """What led to a check: the request that made the version due, not the clock that began the run.

    None for a version that was due before its cause was kept.
    """
    if file.causation_id is None:
        return None
    with telemetry.continued(file.traceparent, "checker concludes a check"):
        return Metadata(
            correlation_id=file.correlation_id,
            causation_id=file.causation_id,
            traceparent=telemetry.traceparent(),
        )
