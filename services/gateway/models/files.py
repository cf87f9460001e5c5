"""Files, as reports and files answer."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.gateway.models.checks import LastCheck


class Saved(BaseModel):
    """What a command led to; `event_id` is empty when nothing had to change."""

    file_id: UUID
    version: int
    event_id: UUID | None = None


class File(BaseModel):
    """A file in the list."""

    id: UUID
    name: str
    version: int
    mark: Literal["new", "replaced"]
    check: Literal["waiting", "checked", "failed"]
    size: int = Field(description="bytes")
    sha256: str
    uploaded_at: datetime
    last_check: LastCheck | None = None


class FilePage(BaseModel):
    """A page of files; `next_cursor` is empty on the last one."""

    files: list[File]
    next_cursor: str | None = None
