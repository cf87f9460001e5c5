"""Runs a program we don't trust with what it is given: limited, private, and never for long."""

import asyncio
import contextlib
import errno
import fcntl
import math
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.checker.isolation import Isolation
from shared.contracts.checker import FailureReason

Reader = Callable[[bytes], None]

_PREFIX = "prereview-check-"
# Seconds; a folder this old that nobody holds was left by a killed process. It takes up room, and a
# new one is held at once.
_ABANDONED = 5.0
_CHUNK = 1 << 16  # bytes; a few hundred lines of output, read in some milliseconds


@dataclass(frozen=True)
class Limits:
    """What one process may use. `output` counts both streams."""

    seconds: float = 20.0  # of the processor, plus a second for each megabyte read
    waits: float = 1.0  # times as long it may take by the clock, as others use the processor, too
    nice: int = 0  # how far it stands back where others want the processor, from 0 to 19
    memory: int = 1 << 30  # bytes of address space
    stack: int = 64 << 20  # bytes
    output: int = 256 << 20  # bytes

    def of_process(self, seconds: float) -> dict[str, int]:
        """What the system itself enforces, by the names of setrlimit(2); nothing is written."""
        return {
            "CORE": 0, "FSIZE": 0, "CPU": math.ceil(seconds), "AS": self.memory,
            "STACK": self.stack,
        }  # fmt: skip


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
    isolation: Isolation,
    seconds: float,
    read_out: Reader,
    read_err: Reader,
) -> Ending:
    """Run `command` in `folder`, handing its output to the readers as it comes.

    Returns once the whole process group is gone, also when cancelled. A reader that raises
    ValueError ends the process as `unreadable`. Raises OSError when the program was not started.
    """
    isolation.hand_over(folder)
    told, started = os.pipe()
    with open(told, "rb") as proof:  # noqa: ASYNC230, PTH123 - read when nobody writes any more
        launching = isolation.launching(
            command, folder, limits=limits.of_process(seconds), started=started
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *launching, cwd=folder, env=env, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                start_new_session=True, pass_fds=[started], limit=_CHUNK,
            )  # fmt: skip
        finally:
            os.close(started)
        if limits.nice:
            _stand_back(process.pid, limits.nice)
        running = _Running(process, limits.output)
        await running.follow(seconds * limits.waits, read_out, read_err)
        if running.reason is None and proof.read() != b"1":
            raise OSError(errno.ENOEXEC, "the program could not be started in isolation")
    return Ending(process.returncode or 0, running.reason)


def _stand_back(pid: int, nice: int) -> None:
    with contextlib.suppress(OSError):
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, pid, ours + nice)


class _Running:
    def __init__(self, process: asyncio.subprocess.Process, output_left: int) -> None:
        self.process = process
        self.output_left = output_left
        self.reason: FailureReason | None = None

    async def follow(self, seconds: float, read_out: Reader, read_err: Reader) -> None:
        """Read until the process ends, at the latest after `seconds`."""
        process = self.process
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(
                    self.pump(process.stdout, read_out), self.pump(process.stderr, read_err)
                )
                await process.wait()
        except TimeoutError:
            self.stop("timeout")
        finally:
            if process.returncode is None:
                self.kill()
            await process.communicate()
        if process.returncode == -signal.SIGXCPU:
            self.reason = self.reason or "timeout"

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
