"""What a command on a file returns."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.contracts.files import Mark


@dataclass(frozen=True)
class CommandResult:
    """The file after a command, and what `limits.charge` must know about the change.

    `event_id` is None when nothing had to change. `adds_file`: the user has one more file that is
    not deleted. `changes` are the file's events up to this one where it saved bytes, else 0.
    `bucket_full_at` is the user's token bucket, read under the append lock.
    """

    file_id: UUID
    name: str
    version: int
    size: int
    sha256: str
    saved_at: datetime
    event_id: UUID | None
    mark: Mark
    adds_file: bool = False
    changes: int = 0
    bucket_full_at: datetime | None = None

    @property
    def unchanged(self) -> bool:
        return self.event_id is None
