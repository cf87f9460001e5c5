"""Runs an untrusted program with limits of time, memory and output, and with isolation."""

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
from services.checker.sandbox.output_pipe import OutputPipe, OutputReader
from shared.contracts.checker import FailureReason

_POLL_INTERVAL = 0.001  # seconds; a process that has closed its output is about to end


@dataclass(frozen=True)
class ProcessLimits:
    """What one process may use. `output` counts both streams."""

    seconds: float = 20.0  # of the processor, plus a second for each megabyte read
    wall_factor: float = 1.0  # of `seconds` by the clock, as others use the processor, too
    nice: int = 0  # added to the niceness of the checker, from 0 to 19
    memory: int = 1 << 30  # bytes of address space
    stack: int = 64 << 20  # bytes
    output: int = 256 << 20  # bytes

    def rlimits(self, seconds: float) -> dict[str, int]:
        """What the kernel enforces, by the names of setrlimit(2); no file may be written."""
        return {
            "CORE": 0, "FSIZE": 0, "CPU": math.ceil(seconds), "AS": self.memory,
            "STACK": self.stack,
        }  # fmt: skip


@dataclass(frozen=True)
class ProcessEnd:
    """How a process ended; `reason` says why it was killed, if it was.

    `cpu_seconds` don't go on, as the clock does, while others use the processor or while the
    process is stopped.
    """

    code: int
    reason: FailureReason | None = None
    cpu_seconds: float = field(default=0.0, compare=False)


async def run_limited(
    command: Sequence[str | Path],
    *,
    folder: Path,
    env: dict[str, str],
    limits: ProcessLimits,
    isolation: Isolation,
    launcher: Launcher | None = None,
    seconds: float,
    read_out: OutputReader,
    read_err: OutputReader,
) -> ProcessEnd:
    """Run `command` in `folder`, and pass its output to the readers as it comes.

    Returns once the whole process group is gone, also when cancelled. A reader that raises
    ValueError ends the process as `unreadable`. Raises OSError when the program was not started, or
    when its exit status is lost.
    """
    isolation.own(folder)
    reading, started = os.pipe()
    with open(reading, "rb") as proof:  # noqa: ASYNC230, PTH123 - read when all writers are closed
        rlimits = limits.rlimits(seconds)
        process: Process
        try:
            if launcher:
                arguments = isolation.launch_arguments(command, folder, rlimits)
                process = await launcher.start(arguments, folder, env, started)
            else:
                line = isolation.command_line(command, folder, limits=rlimits, started=started)
                process = _start(line, folder, env, started)
        finally:
            os.close(started)
        with process:
            if limits.nice:
                _lower_priority(process.pid, limits.nice)
            running = _RunningProcess(process, limits.output)
            code = await running.follow(seconds * limits.wall_factor, read_out, read_err)
        if running.reason is None and proof.read() != b"1":
            raise OSError(errno.ENOEXEC, "the program could not be started in isolation")
    return ProcessEnd(code, running.reason, process.cpu_seconds)


class Process(Protocol):
    """A program that was started, alone in a group. `poll` gives its code once it has ended."""

    pid: int
    returncode: int | None
    cpu_seconds: float  # once it has ended

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
    cpu_seconds = 0.0

    def poll(self) -> int | None:
        """Also read the processor time the process has used."""
        if self.returncode is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
                self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return self.returncode

    def end_group(self) -> None:
        kill_group(self.pid)


def _start(command: Sequence[str], folder: Path, env: dict[str, str], started: int) -> _Child:
    """Takes 1 ms; uvloop's subprocess copies the page tables of this process, which takes 8 ms."""
    return _Child(
        command, cwd=folder, env=env, pass_fds=[started], start_new_session=True, bufsize=0,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _lower_priority(pid: int, nice: int) -> None:
    with contextlib.suppress(OSError):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, pid, own + nice)


class _RunningProcess:
    def __init__(self, process: Process, output_left: int) -> None:
        self._process, self._output_left = process, output_left
        self._pipes = list[OutputPipe]()
        self.reason: FailureReason | None = None

    async def follow(self, seconds: float, read_out: OutputReader, read_err: OutputReader) -> int:
        """Read until the process ends, at the latest after `seconds`; return its exit code."""
        process = self._process
        try:
            async with asyncio.timeout(seconds):
                await self._read(process.stdout, read_out)
                await self._read(process.stderr, read_err)
                await self._wait()
        except TimeoutError:
            self._kill_because("timeout")
        finally:
            self._kill()
            try:
                code = await self._wait()
            finally:
                for pipe in self._pipes:
                    pipe.close()
        if code == -signal.SIGXCPU:
            self.reason = self.reason or "timeout"
        return code

    async def _read(self, stream: IO[bytes] | None, read: OutputReader) -> None:
        pipe = OutputPipe(partial(self._pass_on, read))
        if stream:
            await pipe.connect(stream)
            self._pipes.append(pipe)

    async def _wait(self) -> int:
        """Wait until the whole group has closed its output and the process has ended."""
        for pipe in self._pipes:
            await pipe.ended.wait()
        while (code := self._process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_INTERVAL)
        return code

    def _kill_because(self, reason: FailureReason) -> None:
        self.reason = self.reason or reason
        self._kill()

    def _kill(self) -> None:
        """Kill the group at once: a linter has nothing to clean up, and it may ignore SIGTERM."""
        if self._process.returncode is None:
            self._process.end_group()

    def _pass_on(self, read: OutputReader, data: bytes) -> None:
        self._output_left -= len(data)
        if self._output_left < 0:
            self._kill_because("output_limit")
        # Output from before a time-out shows which file the process was busy with.
        if self.reason in {None, "timeout"}:
            try:
                read(data)
            except ValueError:
                self._kill_because("unreadable")
