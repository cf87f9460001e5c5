"""A small file system for Postgres, so that its disk can be filled. Only root can mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = "400m"  # a fresh cluster takes 50 MB, its log at most 256 MB


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Everything in `folder` is on it, and gone with it."""
    folder.mkdir(parents=True, mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "faults", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
