"""From ruff's answer about a file to the event that says it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.checker.domain.history import History
from services.checker.due import DueFile
from services.checker.findings import report
from services.checker.ruff import RuffFailure, RuffResult
from services.checker.rules import Profile
from shared.contracts.checker import CheckFailed, FileChecked
from shared.ids import derived_id


@dataclass(frozen=True)
class Run:
    """A run of ruff over a batch; `duration_ms` is what the whole run took."""

    engine: str
    profile: Profile
    started_at: datetime
    duration_ms: int


def conclude(
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
