"""A work folder that is small, full, or not there."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from services.checker.linting import ruff as ruff_module
from services.checker.linting.ruff import Ruff, RuffFailure, RuffResult
from services.checker.linting.sources import Source
from services.checker.rules import STANDARD
from services.checker.sandbox.disk_space import ever_fits

KIB = 1024
SIZE = 256 * KIB


class System(NamedTuple):
    """What statvfs tells."""

    f_frsize: int = 4 * KIB
    f_blocks: int = SIZE // (4 * KIB)
    f_bfree: int = SIZE // (4 * KIB)
    f_bavail: int = SIZE // (4 * KIB)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of 256 KiB; where we may not mount one, something that behaves alike."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mounted = _mount(folder)
        if not mounted:
            _pretend(monkeypatch, folder)
        folder.chmod(0o755)
        try:
            yield folder
        finally:
            if mounted:
                subprocess.run(["umount", folder], check=True)


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def _pretend(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    whole = ruff_module._write

    async def write(folder: Path, files: list[Source]) -> None:
        others = sum(path.stat().st_size for path in root.iterdir() if path.is_file())
        blocks = sum(-(-len(file.content) // (4 * KIB)) for file in files)
        if others + blocks * 4 * KIB > SIZE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        await whole(folder, files)

    monkeypatch.setattr(ruff_module, "_write", write)
    monkeypatch.setattr(os, "statvfs", lambda _: System())


def _file(kib: int) -> bytes:
    return b"import os\n" + b"# a comment of thirty-two bytes.\n" * (kib * 31)


async def test_what_does_not_fit_together_is_checked_apart(folder: Path) -> None:
    results = await Ruff(work_dir=folder).check(
        {number: _file(60) + b"x = %d\n" % number for number in range(10)}, STANDARD
    )
    assert len(results) == 10
    assert all(isinstance(result, RuffResult) for result in results.values())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("comment", [b"", b"# noqa\n"])
async def test_one_that_can_never_fit_fails_alone(folder: Path, comment: bytes) -> None:
    files = {number: _file(20) + comment + b"x = %d\n" % number for number in range(5)}
    results = await Ruff(work_dir=folder).check({**files, "big": _file(300)}, STANDARD)
    assert results.pop("big") == RuffFailure("crashed")
    assert len(results) == 5
    assert all(isinstance(result, RuffResult) for result in results.values())


async def test_one_whose_room_others_have_at_the_moment_waits(folder: Path) -> None:
    (folder / "others").write_bytes(bytes(150 * KIB))
    files = {"small": _file(20), "large": _file(180)}
    results = await Ruff(work_dir=folder).check(files, STANDARD)
    assert list(results) == ["small"]
    (folder / "others").unlink()
    results = await Ruff(work_dir=folder).check(files, STANDARD)
    assert isinstance(results["large"], RuffResult)


async def test_a_folder_full_of_others_files_is_no_files_fault(folder: Path) -> None:
    (folder / "others").write_bytes(bytes(SIZE - 4 * KIB))
    with pytest.raises(OSError, match="No space"):
        await Ruff(work_dir=folder).check({"a": _file(20), "b": _file(30)}, STANDARD)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.ENOENT])
async def test_a_folder_that_breaks_is_no_files_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    """Read-only in the middle of it, or gone."""
    runs = []

    async def write(_: Path, files: list[Source]) -> None:
        runs.append(files)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(ruff_module, "_write", write)
    with pytest.raises(OSError, match=os.strerror(number)):
        await Ruff(work_dir=tmp_path).check({"a": _file(1), "b": _file(1)}, STANDARD)
    assert len(runs) == 1


def test_reserved_room_is_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "full")
    monkeypatch.setattr(os, "statvfs", lambda _: System(f_bfree=20, f_bavail=10))
    assert ever_fits([SIZE - 40 * KIB], tmp_path, full)
    assert not ever_fits([SIZE - 40 * KIB + 1], tmp_path, full)
    assert not ever_fits([1], tmp_path, OSError(errno.EFBIG, "too big"))
