"""What differs between two versions, as files answers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DiffLine(BaseModel):
    """A line with its numbers in the old and in the new version."""

    kind: Literal["same", "added", "removed"]
    old: int | None = None
    new: int | None = None
    text: str


class Hunk(BaseModel):
    """Lines that differ, and three around them."""

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: list[DiffLine]


class Diff(BaseModel):
    """Lines as an editor shows them; `note` tells of what lines can't show."""

    model_config = ConfigDict(populate_by_name=True)

    from_: int = Field(alias="from")
    to: int | None = None
    added: int
    removed: int
    identical: bool
    truncated: bool = Field(False, description="whether lines beyond the first are left out")
    note: Literal["line_endings", "encoding"] | None = None
    hunks: list[Hunk] = []
