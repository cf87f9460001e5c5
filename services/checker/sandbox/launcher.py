"""Starts programs through one fork server that runs already.

Starting Python for each program, only to isolate it, takes 10 ms of the processor; a fork takes 1.
"""

import asyncio
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from services.checker.sandbox.isolation import LAUNCH_COMMAND

_READ_SIZE = 1 << 16  # bytes
TIMEOUT = 30.0  # seconds; a start takes some thousandths


@dataclass(eq=False)
class LaunchedProcess:
    """A program that was started. Once it has ended it has a `returncode` and `cpu_seconds`."""

    pid: int
    stdout: IO[bytes]
    stderr: IO[bytes]
    returncode: int | None = None
    cpu_seconds: float = 0.0
    lost: bool = False
    on_kill: Callable[[Self], object] = field(kw_only=True)

    def poll(self) -> int | None:
        """The exit code, if it has ended; raises OSError when its status is lost."""
        if self.lost:
            raise ConnectionResetError("The process that started it is gone")
        return self.returncode

    def end_group(self) -> None:
        kill_group(self.pid)
        self.on_kill(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        self.stderr.close()


@dataclass(frozen=True)
class _PendingStart:
    """A request that was sent, and the reading ends of its program's output."""

    launched: asyncio.Future[LaunchedProcess]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def close(self) -> None:
        self.stdout.close()
        self.stderr.close()

    def abandon(self) -> None:
        """Kill the program if it was started; else `_on_begun` kills it."""
        if not self.launched.cancelled() and self.launched.exception() is None:
            self.close()
            kill_group(self.launched.result().pid)


class Launcher:
    """Client of a fork server (`launch.serve`), which is started when there is none."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        """Take the seconds after which a fork server that does not respond is replaced."""
        self._timeout = timeout
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._pending = deque[_PendingStart]()
        self._running: dict[int, LaunchedProcess] = {}
        self._buffer = b""

    async def start(
        self, arguments: Sequence[str], folder: Path, env: Mapping[str, str], started: int
    ) -> LaunchedProcess:
        """Start a program in `folder`; `arguments` are those of `Isolation.launch_arguments`.

        Raises OSError when it can't be started, or not in time.
        """
        words = [*(f"env={name}={value}" for name, value in env.items()), *arguments]
        request = b"".join(f"{word}\0".encode() for word in words)
        with ExitStack() as child_ends, ExitStack() as pipes:
            out, err = (_pipe(child_ends, pipes) for _ in range(2))
            directory = os.open(folder, os.O_RDONLY)
            child_ends.callback(os.close, directory)
            self._send(request, [out[1], err[1], started, directory])
            pending = _PendingStart(asyncio.get_running_loop().create_future(), out[0], err[0])
            self._pending.append(pending)
            pipes.pop_all()
        try:
            async with asyncio.timeout(self._timeout):
                return await pending.launched
        except asyncio.CancelledError:
            pending.abandon()
            raise
        except TimeoutError:
            self._reset()
            pending.close()  # also where the response came at that very moment
            raise

    async def close(self) -> None:
        """End the fork server, and with it all programs it has started."""
        self._reset()

    def _send(self, request: bytes, descriptors: Sequence[int]) -> None:
        if self._socket is None:
            self._socket = self._open()
        try:
            socket.send_fds(self._socket, [len(request).to_bytes(4, "big"), request], descriptors)
        except OSError:
            self._reset()
            raise

    def _open(self) -> socket.socket:
        own_end, child_end = socket.socketpair()
        with child_end:
            self._server = subprocess.Popen(  # noqa: S603 - our own command
                [*LAUNCH_COMMAND, f"serve={child_end.fileno()}"], pass_fds=[child_end.fileno()],
                env={}, cwd="/", stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        own_end.setblocking(False)
        asyncio.get_running_loop().add_reader(own_end, self._on_readable)
        return own_end

    def _on_readable(self) -> None:
        assert self._socket is not None  # noqa: S101 - it is read from
        try:
            data = self._socket.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._reset()
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            what, pid, *more = line.split()
            if what == b"begun":
                self._on_begun(int(pid))
            else:
                self._on_ended(int(pid), int(more[0]), float(more[1]))

    def _on_begun(self, pid: int) -> None:
        pending = self._pending.popleft()
        if pending.launched.done():  # cancelled
            pending.close()
            kill_group(pid)
        else:
            launched = LaunchedProcess(
                pid, pending.stdout, pending.stderr, on_kill=self._expect_end
            )
            self._running[pid] = launched
            pending.launched.set_result(launched)

    def _on_ended(self, pid: int, status: int, cpu_seconds: float) -> None:
        if launched := self._running.pop(pid, None):
            launched.returncode, launched.cpu_seconds = (
                os.waitstatus_to_exitcode(status),
                cpu_seconds,
            )

    def _expect_end(self, launched: LaunchedProcess) -> None:
        """Replace the fork server if it does not report in time that a killed program has ended."""

        def check() -> None:
            if self._running.get(launched.pid) is launched:
                self._reset()

        asyncio.get_running_loop().call_later(self._timeout, check)

    def _reset(self) -> None:
        """End the fork server and the programs it has started, whose exit status is lost."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        for pending in self._pending:
            pending.close()
            if not pending.launched.done():
                pending.launched.set_exception(ConnectionResetError("Programs can't be started"))
        for pid, launched in self._running.items():
            kill_group(pid)
            launched.lost = True
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        self._socket = self._server = None
        self._pending.clear()
        self._running.clear()
        self._buffer = b""


def _pipe(child_ends: ExitStack, own_ends: ExitStack) -> tuple[IO[bytes], int]:
    reading, writing = os.pipe()
    child_ends.callback(os.close, writing)
    return own_ends.enter_context(open(reading, "rb", buffering=0)), writing  # noqa: PTH123


def kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
