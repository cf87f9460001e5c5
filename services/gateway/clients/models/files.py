"""Files and their versions, as reports and files answer."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.gateway.clients.models.checks import LastCheck

Mark = Literal["new", "replaced", "deleted"]
CheckState = Literal["waiting", "checked", "failed"]
Sort = Literal["-uploaded_at", "uploaded_at", "name", "-name", "size", "-size"]


class Allowance(BaseModel):
    """How much there may be, and is."""

    used: int
    limit: int


class UploadAllowance(BaseModel):
    """How many uploads are left; `limit` of them come back in `window_seconds`."""

    left: int
    limit: int
    window_seconds: int
    retry_after: int = Field(description="seconds until the next one is allowed, 0 for at once")


class Limits(BaseModel):
    """What one may still upload. `bytes` counts all versions that are kept."""

    files: Allowance
    bytes: Allowance
    uploads: UploadAllowance
    stock: str = Field("", exclude=True, description="as files knows it: `shared.web.stock`")


class Saved(BaseModel):
    """What a command led to; `event_id` is empty when nothing had to change."""

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
    replayed: bool = Field(False, description="whether this answer was given before")


class File(BaseModel):
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


class FilePage(BaseModel):
    """A page of files; `next_cursor` is empty on the last one."""

    files: list[File]
    next_cursor: str | None = None
    total: int = Field(0, description="how many files the filters let through, on all pages")
    stock: str = Field("", exclude=True, description="as reports knows it: `shared.web.stock`")


class StoredFile(BaseModel):
    """What files itself knows of a file, ahead of the list."""

    file_id: UUID
    name: str
    version: int
    mark: Mark
    size: int
    saved_at: datetime


class Version(BaseModel):
    """A version of a file, with the lines that came and went since the one before."""

    version: int
    name: str
    size: int = Field(description="bytes")
    sha256: str
    saved_at: datetime
    author: UUID = Field(description="the user who saved it")
    lines_added: int | None = None
    lines_removed: int | None = None
    available: bool = Field(description="whether its bytes are still kept")


class VersionPage(BaseModel):
    """Versions, newest first; go on with `before` = `next_before`."""

    versions: list[Version]
    next_before: int | None = None
