"""What files tells the world. The bytes themselves are fetched by their sha256."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.eventsourcing.event import Event, Personal

Mark = Literal["new", "replaced", "deleted"]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileVersion = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=0, description="bytes")]


class FileUploaded(Event):
    """A file is here for the first time, as version 1."""

    file_id: UUID
    user_id: UUID
    name: Personal[str]
    size: Size
    sha256: Sha256
    version: FileVersion = 1


class FileReplaced(Event):
    """The file has new bytes or a new name, under the next version."""

    file_id: UUID
    user_id: UUID
    name: Personal[str]
    size: Size
    sha256: Sha256
    version: FileVersion


class FileDeleted(Event):
    """The owner deleted the file; `version` was its last."""

    file_id: UUID
    user_id: UUID
    version: FileVersion


class FileRestored(Event):
    """The owner took the deletion back; `version` is the last one, as it was."""

    file_id: UUID
    user_id: UUID
    version: FileVersion


class FileErased(Event):
    """The contents of a deleted file are gone for good. What was said about it stays."""

    file_id: UUID
    user_id: UUID
    version: FileVersion
