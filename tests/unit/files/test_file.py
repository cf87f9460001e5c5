"""The life of a file, as its events tell it."""

from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest

from services.files.domain.file import FILE, Upload, delete, replace_file, upload
from shared.contracts.files import FileDeleted, FileReplaced, FileUploaded
from shared.errors import NotFound
from shared.eventsourcing.testing import given
from tests.support.events import ANN, BOB, EMPTY

ID = UUID("c0a8a3c6-3f0e-4b57-8a54-5a3a0c2a9b02")
FIRST = Upload(ANN, "main.py", 0, EMPTY)
SECOND = Upload(ANN, "main.py", 7, "7" * 64)
UPLOADED = FileUploaded(file_id=ID, user_id=ANN, name="main.py", size=0, sha256=EMPTY)
REPLACED = FileReplaced(file_id=ID, user_id=ANN, name="main.py", size=7, sha256="7" * 64, version=2)
DELETED = FileDeleted(file_id=ID, user_id=ANN, version=2)


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


@pytest.mark.parametrize("history", [[], [UPLOADED], [UPLOADED, REPLACED]])
def test_nobody_touches_what_is_not_theirs(history: list[FileUploaded | FileReplaced]) -> None:
    new = replace(SECOND, user_id=BOB)
    given(FILE, *history).when(partial(replace_file, file_id=ID, new=new)).refused(NotFound)
    given(FILE, *history).when(partial(delete, file_id=ID, user_id=BOB)).refused(NotFound)
