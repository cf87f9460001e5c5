"""Checks and their mails, as reports and the checker answer."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from shared.contracts.checker import Counts, FailureReason, Finding, FixedFinding, Verdict

Outcome = Literal["clean", "findings", "syntax_error", "failed"]
MailState = Literal["waiting", "queued", "held", "sent", "failed", "suppressed"]


class MailMark(BaseModel):
    """Whether the mail about a check went out."""

    state: MailState
    sent_at: datetime | None = None


class Mail(MailMark):
    """The whole life of the mail about a check."""

    attempts: int = 0
    message_id: str | None = None
    reply: str | None = Field(None, description="what the mail server answered")
    reason: str | None = None
    next_attempt_at: datetime | None = None


class LastCheck(BaseModel):
    """A file's newest result."""

    id: UUID
    version: int
    outcome: Outcome
    verdict: Verdict | None = None
    counts: Counts
    checked_at: datetime
    mail: MailMark


class CheckEntry(LastCheck):
    """A line of the log of checks."""

    file_id: UUID
    file_name: str


class CheckPage(BaseModel):
    """A page of the log; `next_cursor` is empty on the last one."""

    checks: list[CheckEntry]
    next_cursor: str | None = None


class Check(BaseModel):
    """A whole report. `findings` holds the first of them, `counts` the true totals."""

    id: UUID
    file_id: UUID
    file_name: str
    version: int
    sha256: str
    engine: str
    profile: str
    started_at: datetime
    checked_at: datetime
    duration_ms: int
    outcome: Outcome
    reason: FailureReason | None = None
    verdict: Verdict | None = None
    counts: Counts
    truncated: bool = False
    findings: list[Finding] = []
    fixed: list[FixedFinding] = []
    mail: Mail


class Schedule(BaseModel):
    """When files are checked. An interval of 0 means at once."""

    interval_seconds: float
    next_run_at: datetime | None = None
