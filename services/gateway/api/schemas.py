"""Response models of the public API.

Models that the API passes on unchanged come from the contracts of the services; those that show
fewer fields are defined here.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.checker import Counts, Verdict
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
from shared.contracts.http.reports import CheckState, MailState, Report, ReportOutcome

__all__ = [
    "Account",
    "ApiTokenList",
    "CheckPage",
    "Confirmed",
    "Diff",
    "EndedSessions",
    "File",
    "FilePage",
    "Limits",
    "NewApiToken",
    "RecoveryCodes",
    "Report",
    "SavedFile",
    "Schedule",
    "SecondFactor",
    "SecondFactorSetup",
    "SecurityPage",
    "SessionList",
    "VersionPage",
]


class _Shown(BaseModel):
    """A subset of a service's response, made from it by `model_validate`."""

    model_config = ConfigDict(from_attributes=True)


class Confirmed(_Shown):
    """Which address was confirmed: that of the account, or a new one that now replaces it."""

    kind: Literal["confirm_email", "confirm_new_email"]


class MailMark(_Shown):
    """Whether the mail about a check was sent."""

    state: MailState
    sent_at: datetime | None = None


class LastCheck(_Shown):
    """The newest check result of a file."""

    id: UUID
    version: int
    outcome: ReportOutcome
    verdict: Verdict | None = None
    counts: Counts
    checked_at: datetime
    mail: MailMark


class CheckEntry(LastCheck):
    """A check in the log."""

    file_id: UUID
    file_name: str


class CheckPage(_Shown):
    """A page of checks; `next_cursor` is null on the last one."""

    checks: list[CheckEntry]
    next_cursor: str | None = None


class File(_Shown):
    """A file with the state of its checks."""

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
    last_check: LastCheck | None = Field(
        None, description="the newest result; null for a token without `checks:read`"
    )


class SavedFile(File):
    """A file in the version that the request saved."""

    unchanged: bool = Field(description="whether name and content were the same already")
    limits: Limits


class FilePage(_Shown):
    """A page of files; `next_cursor` is null on the last one."""

    files: list[File]
    next_cursor: str | None = None
    total: int = Field(0, description="how many files match the filters, on all pages")
