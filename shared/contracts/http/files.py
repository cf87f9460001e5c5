"""The bodies and answers of files' internal API."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel

from shared.contracts.files import Mark, Sha256

DiffNote = Literal["line_endings", "encoding"]


class Allowance(BaseModel):
    """How much is used, and the limit."""

    used: int
    limit: int


class UploadAllowance(BaseModel):
    """How many uploads are left; `limit` uploads are allowed in `window_seconds`."""

    left: int
    limit: int
    window_seconds: int
    retry_after: int = Field(description="seconds until the next upload is allowed; 0: now")


class Limits(BaseModel):
    """Limits and their use. `bytes` counts all stored versions, identical contents once."""

    files: Allowance
    bytes: Allowance
    uploads: UploadAllowance


class Saved(BaseModel):
    """The file after a command; `event_id` is empty when nothing had to change."""

    file_id: UUID
    name: str
    version: int
    size: int
    sha256: str
    saved_at: datetime
    event_id: UUID | None = None
    unchanged: bool = False
    mark: Mark
    limits: Limits


class StoredFile(BaseModel):
    """A file as files stores it, ahead of the list; `erased` once its contents are gone."""

    file_id: UUID
    name: str
    version: int
    mark: Mark
    size: int = Field(description="bytes")
    sha256: str
    saved_at: datetime
    deleted_at: datetime | None = None
    erased: bool = False


class Version(BaseModel):
    """A version of a file, with the lines added and removed since the previous one."""

    version: int
    name: str
    size: int = Field(description="bytes")
    sha256: str
    saved_at: datetime
    author: UUID = Field(description="the id of the user who saved it")
    lines_added: int | None = None
    lines_removed: int | None = None
    available: bool = Field(description="whether its content is still stored")


class VersionPage(BaseModel):
    """Versions, newest first; for the next page set `before` to `next_before`."""

    versions: list[Version]
    next_before: int | None = None


class DiffLine(BaseModel):
    """A line with its numbers in the old and in the new version, from 1."""

    kind: Literal["same", "added", "removed"]
    old: int | None = None
    new: int | None = None
    text: str


class Hunk(BaseModel):
    """Lines that differ, with three lines of context."""

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: list[DiffLine]


class Comparison(BaseModel):
    """What differs between two texts; there are no hunks where only `note` differs."""

    added: int
    removed: int
    identical: bool
    truncated: bool = Field(False, description="whether lines were left out at the end")
    note: DiffNote | None = Field(None, description="what differs if no line does")
    hunks: list[Hunk] = []


class Diff(Comparison):
    """The diff of two versions, or of a version and content not saved (`to` is null)."""

    model_config = ConfigDict(populate_by_name=True)

    from_: int = Field(alias="from")
    to: int | None = None


class VersionsRequest(BaseModel):
    """Files whose versions are wanted, in this order.

    `before` is a version of the first one: only its earlier versions are wanted. With `last` only
    the last version of each file is wanted.
    """

    files: list[UUID] = Field(min_length=1, max_length=200)
    before: int = Field(2**31 - 1, ge=1, lt=2**31)
    last: bool = False


class VersionWithContent(BaseModel):
    """A version; `content` in base64, empty once the bytes are erased."""

    file_id: UUID
    version: int
    name: str
    size: int = Field(description="bytes")
    sha256: str
    saved_at: datetime
    author: UUID
    available: bool
    content: str | None


class VersionsWithContent(BaseModel):
    """As many versions as fit, of each file the newest first; `more`: others follow."""

    versions: list[VersionWithContent]
    more: bool


class ContentsRequest(BaseModel):
    """Contents the checker asks for, by their sha256."""

    sha256: list[Sha256] = Field(max_length=500)


class Contents(RootModel[dict[str, str | None]]):
    """Contents in base64 by sha256, null for unknown ones; ask again for those left out."""
