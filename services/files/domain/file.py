"""A file: stream `file-<id>`."""

from dataclasses import dataclass, replace
from uuid import UUID

from services.files.domain.owner import OwnerErased
from shared.contracts.files import (
    FileDeleted,
    FileErased,
    FileReplaced,
    FileRestored,
    FileUploaded,
    Mark,
)
from shared.errors import Conflict, DomainError, NotFound
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event

EVENTS = (FileUploaded, FileReplaced, FileDeleted, FileRestored, FileErased, OwnerErased)


class FileNameTaken(Conflict):
    code = "file_name_taken"


class FileIsDeleted(NotFound):
    code = "file_is_deleted"


class NameTakenMeanwhile(Conflict):
    code = "name_taken_meanwhile"


class VersionConflict(DomainError):
    code = "version_conflict"
    status = 412


class ContentErased(DomainError):
    code = "content_erased"
    status = 410


@dataclass(frozen=True)
class File:
    """What has happened to the file so far; version 0 = nothing."""

    owner: UUID | None = None
    name: str = ""
    version: int = 0
    sha256: str = ""
    deleted: bool = False
    erased: bool = False


@dataclass(frozen=True)
class Upload:
    """What a user saves: a name and bytes, of which the state needs only size and hash."""

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
        case FileRestored():
            return replace(state, deleted=False)
        case FileErased():
            return replace(state, erased=True)
        case _:
            return state


FILE = Decider(File(), evolve)


def stream(file_id: UUID) -> str:
    return f"file-{file_id}"


def mark_of(version: int, *, deleted: bool) -> Mark:
    if deleted:
        return "deleted"
    return "new" if version == 1 else "replaced"


def upload(state: File, file_id: UUID, new: Upload, taken_by: UUID | None = None) -> list[Event]:
    """`taken_by` is the owner's other file of this name, unless deleted; the same below."""
    if state.version:
        return []
    _check_name_is_free(taken_by)
    return [FileUploaded(file_id=file_id, **vars(new))]


def replace_file(
    state: File,
    file_id: UUID,
    new: Upload,
    taken_by: UUID | None = None,
    if_version: int | None = None,
) -> list[Event]:
    """The same bytes under the same name change nothing, whatever `if_version` says.

    RFC 9110 §13.1.1 lets a server accept a request whose change is already there.
    """
    _check_is_there(state, new.user_id)
    if (state.name, state.sha256) == (new.name, new.sha256):
        return []
    _check_version(state, if_version)
    _check_name_is_free(taken_by)
    return [FileReplaced(file_id=file_id, version=state.version + 1, **vars(new))]


def delete(state: File, file_id: UUID, user_id: UUID, if_version: int | None = None) -> list[Event]:
    _check_is_there(state, user_id)
    _check_version(state, if_version)
    return [FileDeleted(file_id=file_id, user_id=user_id, version=state.version)]


def restore(state: File, file_id: UUID, user_id: UUID, taken_by: UUID | None = None) -> list[Event]:
    """A file that is not deleted stays as it is."""
    _check_owner(state, user_id)
    if state.erased:
        raise ContentErased
    if not state.deleted:
        return []
    if taken_by is not None:
        raise NameTakenMeanwhile(file_id=str(taken_by))
    return [FileRestored(file_id=file_id, user_id=user_id, version=state.version)]


def erase(state: File, file_id: UUID) -> list[Event]:
    """Only what is deleted is erased, and once."""
    if state.owner is None or not state.deleted or state.erased:
        return []
    return [FileErased(file_id=file_id, user_id=state.owner, version=state.version)]


def _check_owner(state: File, user_id: UUID) -> None:
    if state.owner != user_id:
        raise NotFound


def _check_is_there(state: File, user_id: UUID) -> None:
    _check_owner(state, user_id)
    if state.deleted:
        raise FileIsDeleted


def _check_version(state: File, if_version: int | None) -> None:
    if if_version is not None and if_version != state.version:
        raise VersionConflict(current=state.version, yours=if_version)


def _check_name_is_free(taken_by: UUID | None) -> None:
    if taken_by is not None:
        raise FileNameTaken(file_id=str(taken_by))
