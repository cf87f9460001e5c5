"""The answers of reports' internal API."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from shared.contracts.checker import Counts, FailureReason, Finding, FixedFinding, Verdict
from shared.contracts.files import Mark
from shared.contracts.notifier import MailKind

CheckState = Literal["waiting", "checked", "failed"]
MailState = Literal["waiting", "queued", "held", "sent", "failed", "suppressed"]
ReportOutcome = Literal["clean", "findings", "syntax_error", "failed"]
Sort = Literal["-uploaded_at", "uploaded_at", "name", "-name", "size", "-size"]


class Mail(BaseModel):
    """The state of a mail.

    `waiting`: the mail is not queued yet; `held`: the address is not confirmed yet.
    """

    state: MailState
    sent_at: datetime | None = None
    attempts: int = 0
    message_id: str | None = None
    reply: str | None = Field(None, description="the reply of the mail server")
    reason: str | None = None
    next_attempt_at: datetime | None = None


class MailRecord(Mail):
    """A line of the mail log; `check_id` is empty where the mail is about the account."""

    mail_id: UUID
    kind: MailKind
    check_id: UUID | None
    queued_at: datetime


class CheckSummary(BaseModel):
    """A line of the log of checks."""

    id: UUID
    file_id: UUID
    file_name: str
    version: int
    outcome: ReportOutcome
    verdict: Verdict | None = None
    counts: Counts
    checked_at: datetime
    mail: Mail


class Report(CheckSummary):
    """A check in full. `findings` holds the first of them, `counts` the true totals."""

    sha256: str
    engine: str
    profile: str
    started_at: datetime
    duration_ms: int
    reason: FailureReason | None = None
    truncated: bool = False
    findings: list[Finding] = []
    fixed: list[FixedFinding] = []


class File(BaseModel):
    """A line of the file list. `check` is about the last version, `last_check` may be older."""

    id: UUID
    name: str
    version: int
    mark: Mark
    check: CheckState
    size: int = Field(description="bytes")
    sha256: str
    uploaded_at: datetime
    deleted_at: datetime | None = None
    restorable: bool = Field(False, description="whether a deleted file can be restored")
    last_check: CheckSummary | None = None


class FilePage(BaseModel):
    """A page of the file list; `total` counts all pages."""

    files: list[File]
    next_cursor: str | None = None
    total: int = 0


class CheckPage(BaseModel):
    """A page of the log of checks."""

    checks: list[CheckSummary]
    next_cursor: str | None = None


class ReportPage(BaseModel):
    """A page of the log of checks, with everything in it."""

    reports: list[Report]
    next_cursor: str | None = None


class MailPage(BaseModel):
    """A page of the mail log."""

    mails: list[MailRecord]
    next_cursor: str | None = None
