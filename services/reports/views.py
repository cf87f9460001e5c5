"""The shapes of answers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from shared.contracts.checker import Counts, FailureReason, Finding, FixedFinding, Verdict
from shared.contracts.notifier import MailKind

Mark = Literal["new", "replaced", "deleted"]
FileCheck = Literal["waiting", "checked", "failed"]
MailState = Literal["waiting", "queued", "held", "sent", "failed", "suppressed"]
Outcome = Literal["clean", "findings", "syntax_error", "failed"]


class Mail(BaseModel):
    """The truth about a mail.

    `waiting` = the notifier has not spoken yet, `held` = until the address is confirmed.
    """

    state: MailState
    attempts: int
    sent_at: datetime | None
    message_id: str | None
    reply: str | None
    reason: str | None
    next_attempt_at: datetime | None


class MailRecord(Mail):
    """A line of the mail log; `check_id` is empty where the mail is about the account."""

    mail_id: UUID
    kind: MailKind
    check_id: UUID | None
    queued_at: datetime


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
    """A line of the file list. `check` is about the last version, `last_check` may be older."""

    id: UUID
    name: str
    version: int
    mark: Mark
    check: FileCheck
    size: int
    sha256: str
    uploaded_at: datetime
    deleted_at: datetime | None
    restorable: bool
    last_check: CheckSummary | None


class Files(BaseModel):
    """A page of the file list; `total` counts all pages."""

    files: list[FileView]
    total: int
    next_cursor: str | None


class Checks(BaseModel):
    """A page of the check log."""

    checks: list[CheckSummary]
    next_cursor: str | None


class Reports(BaseModel):
    """A page of the check log, with everything in it."""

    reports: list[Report]
    next_cursor: str | None


class Mails(BaseModel):
    """A page of the mail log."""

    mails: list[MailRecord]
    next_cursor: str | None
