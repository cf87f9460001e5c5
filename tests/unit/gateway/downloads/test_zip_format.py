"""What the standard library and others can read, also where it is large."""

import io
import tracemalloc
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.gateway.downloads.zip_format import Zip

NOW = datetime(2026, 11, 22, 23, 59, 58, tzinfo=UTC)
CONTENTS = {
    "empty.txt": b"",
    "a.py": b"x = 1\n",
    "папка/файл (2).py": "строка\n".encode() * 10_000,
    "bytes/all.bin": bytes(range(256)) * 400,
}


def _made(contents: dict[str, bytes], offset: int = 0) -> bytes:
    archive = Zip(NOW, offset)
    pieces = [archive.entry(name, content) for name, content in contents.items()]
    return b"".join([*pieces, *archive.end()])


def test_what_goes_in_comes_out() -> None:
    with zipfile.ZipFile(io.BytesIO(_made(CONTENTS))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == CONTENTS
        entry = archive.getinfo("a.py")
    assert entry.date_time == (2026, 11, 22, 23, 59, 58)
    assert entry.external_attr >> 16 == 0o644


def test_nothing_is_an_archive_too() -> None:
    with zipfile.ZipFile(io.BytesIO(_made({}))) as archive:
        assert archive.namelist() == []


def test_entries_beyond_what_two_bytes_count() -> None:
    names = {f"checks/{number}.json": b"{}" for number in range(70_000)}
    with zipfile.ZipFile(io.BytesIO(_made(names))) as archive:
        assert archive.namelist() == list(names)
        assert archive.read("checks/69999.json") == b"{}"


@pytest.mark.parametrize("before", [2**32 - 150, 2**32 + 5])
def test_entries_beyond_four_gibibytes(tmp_path: Path, before: int) -> None:
    """The first of them begins before that, or none."""
    with (tmp_path / "large.zip").open("w+b") as file:
        file.seek(before)  # leaves a hole
        file.write(_made(CONTENTS, before))
        with zipfile.ZipFile(file) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == CONTENTS


def test_many_entries_take_little_memory() -> None:
    archive = Zip(NOW)
    tracemalloc.start()
    for number in range(20_000):
        archive.entry(f"files/module_{number}.py/v{number % 7}-module_{number}.py", b"")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 64 * 20_000
