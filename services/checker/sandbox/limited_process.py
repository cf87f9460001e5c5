"""Runs a program we don't trust with what it is given: limited, private, and never for long."""

import asyncio
import contextlib
import errno
import math
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

from services.checker.sandbox.isolation import Isolation
from services.checker.sandbox.launcher import Launcher, kill_group
from services.checker.sandbox.output_pipe import Pipe, Reader
from shared.contracts.checker import FailureReason

_SOON = 0.001  # seconds; who says no more is about to end


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
    """How a process ended; `reason` says why we ended it ourselves.

    It has `used` that many seconds of the processor: other than the clock they don't go on while
    others use it, or while the process is stopped.
    """

    code: int
    reason: FailureReason | None = None
    used: float = field(default=0.0, compare=False)


async def run_limited(
    command: Sequence[str | Path],
    *,
    folder: Path,
    env: dict[str, str],
    limits: Limits,
    isolation: Isolation,
    launcher: Launcher | None = None,
    seconds: float,
    read_out: Reader,
    read_err: Reader,
) -> Ending:
    """Run `command` in `folder`, handing its output to the readers as it comes.

    Returns once the whole process group is gone, also when cancelled. A reader that raises
    ValueError ends the process as `unreadable`. Raises OSError when the program was not started, or
    when nobody can say what became of it.
    """
    isolation.hand_over(folder)
    told, started = os.pipe()
    with open(told, "rb") as proof:  # noqa: ASYNC230, PTH123 - read when nobody writes any more
        most = limits.of_process(seconds)
        process: Process
        try:
            if launcher:
                orders = isolation.orders(command, folder, most)
                process = await launcher.start(orders, folder, env, started)
            else:
                launching = isolation.launching(command, folder, limits=most, started=started)
                process = _start(launching, folder, env, started)
        finally:
            os.close(started)
        with process:
            if limits.nice:
                _stand_back(process.pid, limits.nice)
            running = _Running(process, limits.output)
            code = await running.follow(seconds * limits.waits, read_out, read_err)
        if running.reason is None and proof.read() != b"1":
            raise OSError(errno.ENOEXEC, "the program could not be started in isolation")
    return Ending(code, running.reason, process.used)


class Process(Protocol):
    """A program that was started, alone in a group. `poll` gives its code once it has ended."""

    pid: int
    returncode: int | None
    used: float  # seconds of the processor, once it has ended

    @property
    def stdout(self) -> IO[bytes] | None: ...

    @property
    def stderr(self) -> IO[bytes] | None: ...

    def poll(self) -> int | None: ...

    def end_group(self) -> None: ...

    def __enter__(self) -> object: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class _Child(subprocess.Popen[bytes]):
    used = 0.0

    def poll(self) -> int | None:
        """The same, and find out what it has used."""
        if self.returncode is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
                self.used = usage.ru_utime + usage.ru_stime
        return self.returncode

    def end_group(self) -> None:
        kill_group(self.pid)


def _start(command: Sequence[str], folder: Path, env: dict[str, str], started: int) -> _Child:
    """With a process's start in 1 ms; uvloop's way copies the tables of our memory, in 8 ms."""
    return _Child(
        command, cwd=folder, env=env, pass_fds=[started], start_new_session=True, bufsize=0,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _stand_back(pid: int, nice: int) -> None:
    with contextlib.suppress(OSError):
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, pid, ours + nice)


class _Running:
    def __init__(self, process: Process, output_left: int) -> None:
        self._process, self._output_left = process, output_left
        self._pipes = list[Pipe]()
        self.reason: FailureReason | None = None

    async def follow(self, seconds: float, read_out: Reader, read_err: Reader) -> int:
        """Read until the process ends, at the latest after `seconds`; return its code."""
        process = self._process
        try:
            async with asyncio.timeout(seconds):
                await self._listen(process.stdout, read_out)
                await self._listen(process.stderr, read_err)
                await self._end()
        except TimeoutError:
            self._stop("timeout")
        finally:
            self._kill()
            try:
                code = await self._end()
            finally:
                for pipe in self._pipes:
                    pipe.close()
        if code == -signal.SIGXCPU:
            self.reason = self.reason or "timeout"
        return code

    async def _listen(self, stream: IO[bytes] | None, read: Reader) -> None:
        pipe = Pipe(partial(self._pass_on, read))
        if stream:
            await pipe.connect(stream)
            self._pipes.append(pipe)

    async def _end(self) -> int:
        """Nobody of the group can say more, and the process has ended; return its code."""
        for pipe in self._pipes:
            await pipe.ended.wait()
        while (code := self._process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(_SOON)
        return code

    def _stop(self, reason: FailureReason) -> None:
        self.reason = self.reason or reason
        self._kill()

    def _kill(self) -> None:
        """End the group at once: a linter has nothing to tidy up, and it may ignore SIGTERM."""
        if self._process.returncode is None:
            self._process.end_group()

    def _pass_on(self, read: Reader, data: bytes) -> None:
        self._output_left -= len(data)
        if self._output_left < 0:
            self._stop("output_limit")
        # What it said before its time was up tells what it was busy with.
        if self.reason in {None, "timeout"}:
            try:
                read(data)
            except ValueError:
                self._stop("unreadable")
