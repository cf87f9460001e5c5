"""A folder for the files of a run that is small, full, or not there."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from services.checker.linting.ruff import Ruff, RuffFailure, RuffResult
from services.checker.linting.sources import Source
from services.checker.linting.work_files import DiskStats, WorkFiles
from services.checker.rules import STANDARD

KIB = 1024
SIZE = 256 * KIB


class Statvfs(NamedTuple):
    """A disk of `SIZE`."""

    f_frsize: int = 4 * KIB
    f_blocks: int = SIZE // (4 * KIB)
    f_bfree: int = SIZE // (4 * KIB)
    f_bavail: int = SIZE // (4 * KIB)


class SmallDisk(WorkFiles):
    """Behaves like a file system of `SIZE` mounted at a folder."""

    def __init__(self, root: Path, stats: Statvfs = Statvfs()) -> None:  # noqa: B008
        self._root, self._stats = root, stats

    async def write(self, folder: Path, files: Sequence[Source]) -> None:
        others = sum(path.stat().st_size for path in self._root.iterdir() if path.is_file())
        blocks = sum(-(-len(file.content) // (4 * KIB)) for file in files)
        if others + blocks * 4 * KIB > SIZE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        await super().write(folder, files)

    def statvfs(self, folder: Path) -> DiskStats:  # noqa: ARG002
        return self._stats


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def ruff(folder: Path) -> Iterator[Ruff]:
    """One with a disk of 256 KiB; where none may be mounted, one that behaves alike."""
    if not _mount(folder):
        yield Ruff(work_dir=folder, work_files=SmallDisk(folder))
        return
    folder.chmod(0o755)
    try:
        yield Ruff(work_dir=folder)
    finally:
        subprocess.run(["umount", folder], check=True)


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def _file(kib: int) -> bytes:
    return b"import os\n" + b"# a comment of thirty-two bytes.\n" * (kib * 31)


async def test_what_does_not_fit_together_is_checked_apart(ruff: Ruff, folder: Path) -> None:
    results = await ruff.check(
        {number: _file(60) + b"x = %d\n" % number for number in range(10)}, STANDARD
    )
    assert len(results) == 10
    assert all(isinstance(result, RuffResult) for result in results.values())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("comment", [b"", b"# noqa\n"])
async def test_one_that_can_never_fit_fails_alone(ruff: Ruff, comment: bytes) -> None:
    files = {number: _file(20) + comment + b"x = %d\n" % number for number in range(5)}
    results = await ruff.check({**files, "big": _file(300)}, STANDARD)
    assert results.pop("big") == RuffFailure("crashed")
    assert len(results) == 5
    assert all(isinstance(result, RuffResult) for result in results.values())


async def test_a_file_waits_while_others_fill_the_disk(ruff: Ruff, folder: Path) -> None:
    (folder / "others").write_bytes(bytes(150 * KIB))
    files = {"small": _file(20), "large": _file(180)}
    results = await ruff.check(files, STANDARD)
    assert list(results) == ["small"]
    (folder / "others").unlink()
    results = await ruff.check(files, STANDARD)
    assert isinstance(results["large"], RuffResult)


async def test_a_folder_full_of_others_files_is_no_files_fault(ruff: Ruff, folder: Path) -> None:
    (folder / "others").write_bytes(bytes(SIZE - 4 * KIB))
    with pytest.raises(OSError, match="No space"):
        await ruff.check({"a": _file(20), "b": _file(30)}, STANDARD)


class BrokenDisk(WorkFiles):
    """Fails at each attempt to write."""

    def __init__(self, number: int) -> None:
        self._number, self.writes = number, 0

    async def write(self, folder: Path, files: Sequence[Source]) -> None:  # noqa: ARG002
        self.writes += 1
        raise OSError(self._number, os.strerror(self._number))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.ENOENT])
async def test_a_folder_that_breaks_is_no_files_fault(tmp_path: Path, number: int) -> None:
    """Read-only in the middle of it, or gone."""
    disk = BrokenDisk(number)
    ruff = Ruff(work_dir=tmp_path, work_files=disk)
    with pytest.raises(OSError, match=os.strerror(number)):
        await ruff.check({"a": _file(1), "b": _file(1)}, STANDARD)
    assert disk.writes == 1


def test_space_reserved_for_root_is_not_ours(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "full")
    disk = SmallDisk(tmp_path, Statvfs(f_bfree=20, f_bavail=10))
    assert disk.fit_empty_disk([SIZE - 40 * KIB], tmp_path, full)
    assert not disk.fit_empty_disk([SIZE - 40 * KIB + 1], tmp_path, full)
    assert not disk.fit_empty_disk([1], tmp_path, OSError(errno.EFBIG, "too big"))
