"""The shapes of answers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from shared.contracts.checker import Counts, FailureReason, Finding, FixedFinding, Verdict

MailState = Literal["waiting", "queued", "sending", "sent", "failed", "suppressed"]
Outcome = Literal["clean", "findings", "syntax_error", "failed"]


class Mail(BaseModel):
    """The truth about a check's mail; `waiting` = the notifier has not spoken yet."""

    state: MailState
    attempts: int
    sent_at: datetime | None
    message_id: str | None
    reply: str | None
    reason: str | None
    next_attempt_at: datetime | None


class CheckSummary(BaseModel):
    """A line of the check log."""

    id: UUID
    file_id: UUID
    file_name: str
    version: int
    outcome: Outcome
    verdict: Verdict | None
    counts: Counts
    checked_at: datetime
    mail: Mail


class Report(CheckSummary):
    """A check in full."""

    sha256: str
    engine: str
    profile: str
    started_at: datetime
    duration_ms: int
    reason: FailureReason | None
    truncated: bool
    findings: list[Finding]
    fixed: list[FixedFinding]


class FileView(BaseModel):
    """A line of the file list."""

    id: UUID
    name: str
    version: int
    mark: Literal["new", "replaced"]
    check: Literal["waiting", "checked", "failed"]
    size: int
    sha256: str
    uploaded_at: datetime
    last_check: CheckSummary | None


class Files(BaseModel):
    """A page of the file list."""

    files: list[FileView]
    next_cursor: str | None


class Checks(BaseModel):
    """A page of the check log."""

    checks: list[CheckSummary]
    next_cursor: str | None
