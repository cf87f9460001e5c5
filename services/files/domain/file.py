"""A file: stream `file-<id>`."""

from dataclasses import dataclass, replace
from uuid import UUID

from shared.contracts.files import FileDeleted, FileReplaced, FileUploaded
from shared.errors import NotFound
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event

EVENTS = (FileUploaded, FileReplaced, FileDeleted)


@dataclass(frozen=True)
class File:
    """What has happened to the file so far; version 0 = nothing."""

    owner: UUID | None = None
    name: str = ""
    version: int = 0
    sha256: str = ""
    deleted: bool = False


@dataclass(frozen=True)
class Upload:
    """Bytes under a name, by somebody."""

    user_id: UUID
    name: str
    size: int
    sha256: str


def evolve(state: File, event: Event) -> File:
    match event:
        case FileUploaded() | FileReplaced():
            return File(event.user_id, event.name, event.version, event.sha256)
        case FileDeleted():
            return replace(state, deleted=True)
        case _:
            return state


FILE = Decider(File(), evolve)


def stream(file_id: UUID) -> str:
    return f"file-{file_id}"


def upload(state: File, file_id: UUID, new: Upload) -> list[Event]:
    if state.version:
        return []
    return [FileUploaded(file_id=file_id, **vars(new))]


def replace_file(state: File, file_id: UUID, new: Upload) -> list[Event]:
    """The same bytes under the same name change nothing."""
    _check_owner(state, new.user_id)
    if (state.name, state.sha256) == (new.name, new.sha256):
        return []
    return [FileReplaced(file_id=file_id, version=state.version + 1, **vars(new))]


def delete(state: File, file_id: UUID, user_id: UUID) -> list[Event]:
    _check_owner(state, user_id)
    return [FileDeleted(file_id=file_id, user_id=user_id, version=state.version)]


def _check_owner(state: File, user_id: UUID) -> None:
    if state.owner != user_id or state.deleted:
        raise NotFound
