"""Whether the folder for the files being checked has room for them."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def is_full(error: OSError) -> bool:
    """Whether there was no room, as against a folder that is away or can't be written."""
    return error.errno in _FULL


def ever_fits(sizes: Iterable[int], folder: Path, error: OSError) -> bool:
    """Whether files of these sizes, in bytes, would fit if nobody else had anything in the folder.

    What others have in it at the moment is not their fault; `error` says why they did not fit now.
    """
    if error.errno == errno.EFBIG:  # a limit of a single file
        return False
    system = os.statvfs(folder)
    reserved = system.f_bfree - system.f_bavail
    needed = sum(-(-size // system.f_frsize) for size in sizes)
    return needed <= system.f_blocks - reserved
