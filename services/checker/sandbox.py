"""Runs a program we don't trust with what it is given: limited, private, and never for long."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.contracts.checker import FailureReason

Reader = Callable[[bytes], None]

_PREFIX = "prereview-check-"
_ABANDONED = 60.0  # seconds; a folder this old that nobody holds was left by a killed process
_CHUNK = 1 << 16  # bytes; a few hundred lines of output, read in some milliseconds
# A limit the system does not know (`-v` on macOS) is left out; the others hold.
_LIMITED = """
ulimit -c 0 2>/dev/null
ulimit -f 0 2>/dev/null
ulimit -t "$1" 2>/dev/null
ulimit -v "$2" 2>/dev/null
ulimit -s "$3" 2>/dev/null
shift 3
exec "$@"
"""


@dataclass(frozen=True)
class Limits:
    """What one process may use. `output` counts both streams."""

    seconds: float = 20.0  # of the clock and of the processor, plus a second for each megabyte read
    memory: int = 1 << 30  # bytes of address space
    stack: int = 64 << 20  # bytes
    output: int = 256 << 20  # bytes


@dataclass(frozen=True)
class Ending:
    """How a process ended; `reason` says why we ended it ourselves."""

    code: int
    reason: FailureReason | None = None


@contextlib.contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """A folder only we can read, gone afterwards; in the system's temp folder without `parent`.

    Also removes what killed processes left behind. The lock tells theirs from ours: the kernel
    drops it with its holder.
    """
    if not os.access(parent, os.W_OK | os.X_OK):
        parent = Path(tempfile.gettempdir())
    sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _ABANDONED:
                _remove_unless_locked(folder)


def _remove_unless_locked(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


async def run_limited(
    command: Sequence[str | Path],
    *,
    folder: Path,
    env: dict[str, str],
    limits: Limits,
    seconds: float,
    read_out: Reader,
    read_err: Reader,
) -> Ending:
    """Run `command` in `folder`, handing its output to the readers as it comes.

    Returns once the whole process group is gone, also when cancelled. A reader that raises
    ValueError ends the process as `unreadable`.
    """
    caps = (int(seconds) + 1, limits.memory >> 10, limits.stack >> 10)  # seconds, KiB, KiB
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", _LIMITED, "sh", *map(str, caps), *command,
        cwd=folder, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, start_new_session=True, limit=_CHUNK,
    )  # fmt: skip
    running = _Running(process, limits.output)
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(
                running.pump(process.stdout, read_out), running.pump(process.stderr, read_err)
            )
            await process.wait()
    except TimeoutError:
        running.stop("timeout")
    finally:
        if process.returncode is None:
            running.kill()
        await process.communicate()
    return Ending(process.returncode or 0, running.reason)


class _Running:
    def __init__(self, process: asyncio.subprocess.Process, output_left: int) -> None:
        self.process = process
        self.output_left = output_left
        self.reason: FailureReason | None = None

    def stop(self, reason: FailureReason) -> None:
        self.reason = self.reason or reason
        self.kill()

    def kill(self) -> None:
        """End the group at once: a linter has nothing to tidy up, and it may ignore SIGTERM."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    async def pump(self, stream: asyncio.StreamReader | None, read: Reader) -> None:
        while stream and (chunk := await stream.read(_CHUNK)):
            if self.reason is None:
                self._pass_on(chunk, read)

    def _pass_on(self, chunk: bytes, read: Reader) -> None:
        self.output_left -= len(chunk)
        if self.output_left < 0:
            self.stop("output_limit")
            return
        try:
            read(chunk)
        except ValueError:
            self.stop("unreadable")
