# ruff: noqa: RUF001 - names in many scripts
"""Archives can be unpacked with all file names, including those longer than today's limit."""

import io
import unicodedata
import zipfile
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import httpx2
import pytest

from services.gateway.downloads.archive_names import comparable, fitting
from services.gateway.downloads.file_histories import Folders
from tests.unit.gateway.fake_services import (
    Services,
    answer,
    export,
    file,
    stored_version,
    versions,
)

LONG = "数" * 97 + ".py"  # 294 bytes
LONGEST = [LONG, "😀" * 97 + ".py", "я" * 97 + ".py", "x" * 97 + ".py", "क्\u200dष" * 24 + ".py"]


@pytest.mark.parametrize("name", LONGEST)
@pytest.mark.parametrize("around", [0, 3, 5, 12])
def test_a_name_fits_with_what_is_added_to_it(name: str, around: int) -> None:
    fits = fitting(name, around)
    assert len(fits.encode()) <= 255 - around
    assert fits.endswith(".py")
    assert name.startswith(fits.removesuffix(".py"))
    assert (fits == name) == (len(name.encode()) + around <= 255)
    assert not fits.endswith("\u200d.py")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("main.py", "MAIN.py"),
        ("caf\u00e9.py", "cafe\u0301.py"),
        ("\u00c9.py", "e\u0301.py"),
        ("\u01c5.py", "\u01c6.py"),
        ("\u0390.py", "\u1fd3.py"),  # canonically one, and folded differently
        ("می\u200cخواهم.py", "میخواهم.py"),
        ("straße.py", "STRASSE.py"),
    ],
)
def test_names_that_some_file_system_takes_for_one_are_compared_as_one(
    one: str, other: str
) -> None:
    assert comparable(one) == comparable(other)


def test_folders_of_one_name_are_numbered_within_the_limit() -> None:
    folders = Folders()
    told = [folders.of(name) for name in [LONG, LONG[:-4] + "本.py", LONG, *["a.py", "A.py"] * 50]]
    assert len({comparable(folder) for folder in told}) == len(told)
    assert told[3] == "files/a.py"
    assert told[4] == "files/A.py (2)"
    assert all(len(folder.removeprefix("files/").encode()) <= 255 for folder in told)


@pytest.fixture
def _long_names(services: Services) -> None:
    ids = [UUID(int=number) for number in (1, 2, 3)]
    names = dict(zip(ids, [LONG, LONG[:-4] + "本.py", "main.py"], strict=True))
    found = [file(id=one, name=names[one]) for one in ids]

    kept_versions = [
        stored_version(one, number, names[one], str(one.int).encode())
        for one in ids
        for number in (1234, 1)
    ]

    def content(request: httpx2.Request) -> httpx2.Response:
        one = UUID(request.url.path.split("/")[3])
        headers = {"X_File_Name": quote(names[one]), "X_File_Version": "1"}
        return answer(200, str(one.int).encode(), **headers)(request)

    services.on("reports GET /internal/files", answer(200, {"files": found, "next_cursor": None}))
    services.on("files POST /internal/versions", versions(*kept_versions))
    services.on("files GET /internal/files/.*/content", content)
    services.on("auth GET /internal/me/export", answer(200, export()))
    for route, name in (
        ("auth .*/security-log", "entries"),
        ("reports .*/reports", "reports"),
        ("reports .*/mails", "mails"),
    ):
        services.on(route, answer(200, {name: [], "next_cursor": None}))


@pytest.mark.parametrize("path", ["/files.zip", "/account/data/export.zip"])
@pytest.mark.usefixtures("_long_names")
async def test_files_with_names_of_before_the_limit_are_unpacked(
    person: httpx2.AsyncClient, tmp_path: Path, path: str
) -> None:
    response = await person.get(path)
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        archive.extractall(tmp_path)
        kept = [name for name in archive.namelist() if name.endswith(".py")]
        assert {archive.read(name) for name in kept} == {b"1", b"2", b"3"}
    unpacked = [found for found in tmp_path.rglob("*.py") if found.is_file()]
    assert len(unpacked) == len(kept)
    spelled = {unicodedata.normalize("NFD", str(found)).casefold() for found in unpacked}
    assert len(spelled) == len(kept)


@pytest.mark.usefixtures("_long_names")
async def test_files_with_such_names_are_listed_and_downloaded(person: httpx2.AsyncClient) -> None:
    assert LONG in (await person.get("/")).text
    found = await person.get(f"/files/{UUID(int=1)}/content")
    assert found.content == b"1"
