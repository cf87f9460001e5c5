"""Writes the files of a run; distinguishes a file that is too large from a disk in use."""

import asyncio
import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from services.checker.linting.sources import Source

_WRITTEN_AT_ONCE = 256 << 10  # bytes
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def is_disk_full(error: OSError) -> bool:
    """Whether there was no space, as against a folder that is missing or can't be written."""
    return error.errno in _FULL


class DiskStats(Protocol):
    """The fields of statvfs(3) that are used."""

    @property
    def f_frsize(self) -> int: ...

    @property
    def f_blocks(self) -> int: ...

    @property
    def f_bfree(self) -> int: ...

    @property
    def f_bavail(self) -> int: ...


class WorkFiles:
    """The file system of the folder in which files are checked."""

    async def write(self, folder: Path, files: Sequence[Source]) -> None:
        """Yields to the event loop between files; nothing is written after a cancel."""
        written = 0
        for source in files:
            with (folder / source.name).open("wb") as file:
                file.write(source.content)
            written += len(source.content)
            if written > _WRITTEN_AT_ONCE:
                written = await asyncio.sleep(0, 0)

    def fit_empty_disk(self, sizes: Iterable[int], folder: Path, error: OSError) -> bool:
        """Whether files of these sizes, in bytes, would fit if nobody else used the disk.

        `error` says why they did not fit now, when others may use it.
        """
        if error.errno == errno.EFBIG:  # a limit of a single file
            return False
        disk = self.statvfs(folder)
        reserved = disk.f_bfree - disk.f_bavail
        needed = sum(-(-size // disk.f_frsize) for size in sizes)
        return needed <= disk.f_blocks - reserved

    def statvfs(self, folder: Path) -> DiskStats:
        return os.statvfs(folder)
