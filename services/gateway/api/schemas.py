"""What the public API answers.

Shapes that the services answer as they are shown come from their contracts; the others, which tell
less than the services do, stand here.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.checker import Counts, FailureReason, Finding, FixedFinding, Verdict
from shared.contracts.files import Mark
from shared.contracts.http.auth import (
    Account,
    ApiTokenList,
    EndedSessions,
    NewApiToken,
    RecoveryCodes,
    SecondFactor,
    SecondFactorSetup,
    SecurityPage,
    SessionList,
)
from shared.contracts.http.checker import Schedule
from shared.contracts.http.files import Diff, Limits, VersionPage
from shared.contracts.http.reports import CheckState, Mail, MailState, Outcome

__all__ = [
    "Account",
    "ApiTokenList",
    "Check",
    "CheckPage",
    "Confirmed",
    "Diff",
    "EndedSessions",
    "File",
    "FilePage",
    "Limits",
    "NewApiToken",
    "RecoveryCodes",
    "SavedFile",
    "Schedule",
    "SecondFactor",
    "SecondFactorSetup",
    "SecurityPage",
    "SessionList",
    "VersionPage",
]


class _Shown(BaseModel):
    """A part of what a service answers: `model_validate` takes its answer."""

    model_config = ConfigDict(from_attributes=True)


class Confirmed(_Shown):
    """Which address was confirmed: the account's own, or the one it has from now on."""

    kind: Literal["confirm_email", "confirm_new_email"]


class MailMark(_Shown):
    """Whether the mail about a check went out."""

    state: MailState
    sent_at: datetime | None = None


class LastCheck(_Shown):
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


class CheckPage(_Shown):
    """A page of the log; `next_cursor` is empty on the last one."""

    checks: list[CheckEntry]
    next_cursor: str | None = None


class Check(_Shown):
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


class File(_Shown):
    """A file in the list."""

    id: UUID
    name: str
    version: int
    mark: Mark
    check: CheckState
    size: int = Field(description="bytes")
    sha256: str
    uploaded_at: datetime
    deleted_at: datetime | None = None
    restorable: bool = Field(False, description="whether a deleted file can come back")
    last_check: LastCheck | None = Field(
        None, description="the newest result; empty for a token without `checks:read`"
    )


class SavedFile(File):
    """A file as a command of yours left it, whoever came after you."""

    unchanged: bool = Field(description="whether name and bytes were there already")
    limits: Limits


class FilePage(_Shown):
    """A page of files; `next_cursor` is empty on the last one."""

    files: list[File]
    next_cursor: str | None = None
    total: int = Field(0, description="how many files the filters let through, on all pages")
