"""What the checker tells the world."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.files import FileVersion, Sha256
from shared.eventsourcing.event import Event, Personal

Tier = Literal["blocker", "warning", "note"]
Change = Literal["new", "still", "reopened"]
CheckOutcome = Literal["clean", "findings", "syntax_error"]
Verdict = Literal["ready", "not_ready"]
Line = Annotated[int, Field(ge=1, description="from 1")]
Column = Annotated[int, Field(ge=1, description="in characters, from 1")]


class Finding(BaseModel):
    """A place where a rule is broken. `change` compares it with previous checks of the file."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str
    tier: Tier
    message: str
    row: Line
    column: Column
    end_row: Line
    end_column: Column
    url: str | None
    fingerprint: str
    change: Change = "new"
    fix: str | None = None


class FixedFinding(BaseModel):
    """A finding of the previous check that this check no longer has."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str
    tier: Tier
    message: str
    fingerprint: str


class Counts(BaseModel):
    """Totals of all findings, even if the list is truncated; `suppressed` ones have `# noqa`."""

    model_config = ConfigDict(frozen=True)

    blocker: int = 0
    warning: int = 0
    note: int = 0
    total: int = 0
    new: int = 0
    still: int = 0
    reopened: int = 0
    fixed: int = 0
    suppressed: int = 0


class FileChecked(Event):
    """A version of a file was checked; this is the whole result."""

    check_id: UUID
    file_id: UUID
    user_id: UUID
    file_name: Personal[str]
    version: FileVersion
    sha256: Sha256
    engine: str
    profile: str
    started_at: datetime
    duration_ms: Annotated[int, Field(ge=0, description="milliseconds")]
    outcome: CheckOutcome
    verdict: Verdict
    counts: Counts
    truncated: bool = False
    findings: Personal[list[Finding]]
    fixed: Personal[list[FixedFinding]] = Field(default_factory=list)


FailureReason = Literal["crashed", "timeout", "output_limit", "unreadable", "content_missing"]


class CheckFailed(Event):
    """A version of a file could not be checked: neither clean nor broken, and shown as such."""

    check_id: UUID
    file_id: UUID
    user_id: UUID
    file_name: Personal[str]
    version: FileVersion
    sha256: Sha256
    engine: str
    profile: str
    started_at: datetime
    duration_ms: Annotated[int, Field(ge=0, description="milliseconds")]
    reason: FailureReason
