"""The life of a file, as its events tell it."""

from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest

from services.files.domain.file import (
    FILE,
    ContentErased,
    FileNameTaken,
    NameTakenMeanwhile,
    Upload,
    VersionConflict,
    delete,
    erase,
    mark_of,
    replace_file,
    restore,
    upload,
)
from shared.contracts.files import (
    FileDeleted,
    FileErased,
    FileReplaced,
    FileRestored,
    FileUploaded,
)
from shared.errors import NotFound
from shared.eventsourcing.testing import given
from tests.support.events import ANN, BOB, EMPTY

ID = UUID("c0a8a3c6-3f0e-4b57-8a54-5a3a0c2a9b02")
FIRST = Upload(ANN, "main.py", 0, EMPTY)
SECOND = Upload(ANN, "main.py", 7, "7" * 64)
UPLOADED = FileUploaded(file_id=ID, user_id=ANN, name="main.py", size=0, sha256=EMPTY)
REPLACED = FileReplaced(file_id=ID, user_id=ANN, name="main.py", size=7, sha256="7" * 64, version=2)
DELETED = FileDeleted(file_id=ID, user_id=ANN, version=2)
RESTORED = FileRestored(file_id=ID, user_id=ANN, version=2)
ERASED = FileErased(file_id=ID, user_id=ANN, version=2)
OTHER = UUID("c0a8a3c6-3f0e-4b57-8a54-5a3a0c2a9b03")


def test_a_file_is_uploaded() -> None:
    given(FILE).when(partial(upload, file_id=ID, new=FIRST)).then(UPLOADED)


def test_an_upload_that_is_repeated_under_its_id_is_one_upload() -> None:
    given(FILE, UPLOADED).when(partial(upload, file_id=ID, new=SECOND)).then()


def test_a_file_is_replaced_by_other_bytes() -> None:
    given(FILE, UPLOADED).when(partial(replace_file, file_id=ID, new=SECOND)).then(REPLACED)


def test_every_replacement_is_the_next_version() -> None:
    third = replace(SECOND, sha256="8" * 64)
    given(FILE, UPLOADED, REPLACED).when(partial(replace_file, file_id=ID, new=third)).then(
        REPLACED.model_copy(update={"sha256": "8" * 64, "version": 3})
    )


def test_the_same_bytes_under_the_same_name_are_no_new_version() -> None:
    given(FILE, UPLOADED).when(partial(replace_file, file_id=ID, new=FIRST)).then()
    given(FILE, UPLOADED, REPLACED).when(partial(replace_file, file_id=ID, new=SECOND)).then()


def test_the_same_bytes_under_another_name_are_a_new_version() -> None:
    renamed = replace(FIRST, name="other.py")
    given(FILE, UPLOADED).when(partial(replace_file, file_id=ID, new=renamed)).then(
        FileReplaced(file_id=ID, user_id=ANN, name="other.py", size=0, sha256=EMPTY, version=2)
    )


def test_going_back_to_older_bytes_is_a_new_version() -> None:
    given(FILE, UPLOADED, REPLACED).when(partial(replace_file, file_id=ID, new=FIRST)).then(
        FileReplaced(file_id=ID, user_id=ANN, name="main.py", size=0, sha256=EMPTY, version=3)
    )


def test_a_file_is_deleted_at_its_last_version() -> None:
    command = partial(delete, file_id=ID, user_id=ANN)
    given(FILE, UPLOADED, REPLACED).when(command).then(DELETED)


def test_a_deleted_file_is_gone() -> None:
    history = [UPLOADED, REPLACED, DELETED]
    given(FILE, *history).when(partial(delete, file_id=ID, user_id=ANN)).refused(NotFound)
    given(FILE, *history).when(partial(replace_file, file_id=ID, new=FIRST)).refused(NotFound)


def test_a_name_that_another_file_has_is_taken() -> None:
    new = partial(upload, file_id=ID, new=FIRST, taken_by=OTHER)
    given(FILE).when(new).refused(FileNameTaken)
    change = partial(replace_file, file_id=ID, new=SECOND, taken_by=OTHER)
    given(FILE, UPLOADED).when(change).refused(FileNameTaken)
    back = partial(restore, file_id=ID, user_id=ANN, taken_by=OTHER)
    given(FILE, UPLOADED, REPLACED, DELETED).when(back).refused(NameTakenMeanwhile)


def test_who_began_with_another_version_is_refused() -> None:
    third = replace(SECOND, sha256="8" * 64)
    for yours in (1, 3):
        change = partial(replace_file, file_id=ID, new=third, if_version=yours)
        given(FILE, UPLOADED, REPLACED).when(change).refused(VersionConflict)
        removal = partial(delete, file_id=ID, user_id=ANN, if_version=yours)
        given(FILE, UPLOADED, REPLACED).when(removal).refused(VersionConflict)
    same = partial(replace_file, file_id=ID, new=SECOND, if_version=1)
    given(FILE, UPLOADED, REPLACED).when(same).then()
    removal = partial(delete, file_id=ID, user_id=ANN, if_version=2)
    given(FILE, UPLOADED, REPLACED).when(removal).then(DELETED)


def test_a_deleted_file_is_restored_once() -> None:
    back = partial(restore, file_id=ID, user_id=ANN)
    given(FILE, UPLOADED, REPLACED, DELETED).when(back).then(RESTORED)
    given(FILE, UPLOADED, REPLACED, DELETED, RESTORED).when(back).then()
    given(FILE, UPLOADED).when(back).then()


def test_a_restored_file_lives_on() -> None:
    history = [UPLOADED, REPLACED, DELETED, RESTORED]
    third = replace(SECOND, sha256="8" * 64)
    given(FILE, *history).when(partial(replace_file, file_id=ID, new=third)).then(
        REPLACED.model_copy(update={"sha256": "8" * 64, "version": 3})
    )
    given(FILE, *history).when(partial(delete, file_id=ID, user_id=ANN)).then(DELETED)


def test_only_what_is_deleted_is_erased_and_once() -> None:
    gone = partial(erase, file_id=ID)
    given(FILE, UPLOADED, REPLACED, DELETED).when(gone).then(ERASED)
    given(FILE, UPLOADED, REPLACED, DELETED, ERASED).when(gone).then()
    given(FILE, UPLOADED, REPLACED, DELETED, RESTORED).when(gone).then()
    given(FILE).when(gone).then()


def test_what_is_erased_does_not_come_back() -> None:
    back = partial(restore, file_id=ID, user_id=ANN)
    given(FILE, UPLOADED, REPLACED, DELETED, ERASED).when(back).refused(ContentErased)


def test_the_marks() -> None:
    assert [mark_of(version, deleted=False) for version in (1, 2, 9)] == ["new"] + ["replaced"] * 2
    assert {mark_of(version, deleted=True) for version in (1, 2)} == {"deleted"}


@pytest.mark.parametrize("history", [[], [UPLOADED], [UPLOADED, REPLACED], [UPLOADED, DELETED]])
def test_nobody_touches_what_is_not_theirs(history: list[FileUploaded | FileReplaced]) -> None:
    """Whatever else is wrong with the request."""
    new = replace(SECOND, user_id=BOB)
    for change in (
        partial(replace_file, file_id=ID, new=new, taken_by=OTHER, if_version=7),
        partial(delete, file_id=ID, user_id=BOB, if_version=7),
        partial(restore, file_id=ID, user_id=BOB, taken_by=OTHER),
    ):
        given(FILE, *history).when(change).refused(NotFound)
