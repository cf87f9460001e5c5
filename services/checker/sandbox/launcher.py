"""Starts programs through one process that is there already.

To start Python for each of them, only to isolate it, takes 10 ms of the processor; a fork takes 1.
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

from services.checker.sandbox.isolation import LAUNCH

_ANSWERS = 1 << 16  # bytes that are read at once
PATIENCE = 30.0  # seconds; a start takes some thousandths


@dataclass(eq=False)
class Launched:
    """A program that was started. Once it has ended there are its code and what it has `used`."""

    pid: int
    stdout: IO[bytes]
    stderr: IO[bytes]
    returncode: int | None = None
    used: float = 0.0  # seconds of the processor
    lost: bool = False
    killed: Callable[[Self], object] = field(kw_only=True)  # who is told that it should end now

    def poll(self) -> int | None:
        """Its code, if it has one; raises OSError when nobody can say what became of it."""
        if self.lost:
            raise ConnectionResetError("The process that started it is gone")
        return self.returncode

    def end_group(self) -> None:
        kill_group(self.pid)
        self.killed(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        self.stderr.close()


@dataclass(frozen=True)
class _Asked:
    """An order that was sent, and where what its program says can be read."""

    answer: asyncio.Future[Launched]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def close(self) -> None:
        self.stdout.close()
        self.stderr.close()

    def give_up(self) -> None:
        """End the program if it was begun; else it is ended when that is told."""
        if not self.answer.cancelled() and self.answer.exception() is None:
            self.close()
            kill_group(self.answer.result().pid)


class Launcher:
    """Speaks to a process that runs `launch.serve`, which is started when there is none."""

    def __init__(self, patience: float = PATIENCE) -> None:
        """Take the seconds after which that process is given up if it does not answer."""
        self._patience = patience
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._asked = deque[_Asked]()
        self._running: dict[int, Launched] = {}
        self._said = b""

    async def start(
        self, orders: Sequence[str], folder: Path, env: Mapping[str, str], started: int
    ) -> Launched:
        """Start what `Isolation.orders` say in `folder`.

        Raises OSError when nobody can start it, or does in time.
        """
        words = [*(f"env={name}={value}" for name, value in env.items()), *orders]
        order = b"".join(f"{word}\0".encode() for word in words)
        with ExitStack() as theirs, ExitStack() as pipes:
            out, err = (_pipe(theirs, pipes) for _ in range(2))
            place = os.open(folder, os.O_RDONLY)
            theirs.callback(os.close, place)
            self._send(order, [out[1], err[1], started, place])
            asked = _Asked(asyncio.get_running_loop().create_future(), out[0], err[0])
            self._asked.append(asked)
            pipes.pop_all()
        try:
            async with asyncio.timeout(self._patience):
                return await asked.answer
        except asyncio.CancelledError:
            asked.give_up()
            raise
        except TimeoutError:
            self._lose()
            asked.close()  # also where the answer came at that very moment
            raise

    async def close(self) -> None:
        """End the process, and with it whatever it has started."""
        self._lose()

    def _send(self, order: bytes, descriptors: Sequence[int]) -> None:
        if self._socket is None:
            self._socket = self._open()
        try:
            socket.send_fds(self._socket, [len(order).to_bytes(4, "big"), order], descriptors)
        except OSError:
            self._lose()
            raise

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603 - our own command
                [*LAUNCH, f"serve={theirs.fileno()}"], pass_fds=[theirs.fileno()],
                env={}, cwd="/", stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        ours.setblocking(False)
        asyncio.get_running_loop().add_reader(ours, self._hear)
        return ours

    def _hear(self) -> None:
        assert self._socket is not None  # noqa: S101 - it is read from
        try:
            said = self._socket.recv(_ANSWERS)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            self._lose()
            return
        *lines, self._said = (self._said + said).split(b"\n")
        for line in lines:
            what, pid, *more = line.split()
            if what == b"begun":
                self._begun(int(pid))
            else:
                self._ended(int(pid), int(more[0]), float(more[1]))

    def _begun(self, pid: int) -> None:
        asked = self._asked.popleft()
        if asked.answer.done():  # whoever asked no longer wants it
            asked.close()
            kill_group(pid)
        else:
            launched = Launched(pid, asked.stdout, asked.stderr, killed=self._await_end)
            self._running[pid] = launched
            asked.answer.set_result(launched)

    def _ended(self, pid: int, status: int, used: float) -> None:
        if launched := self._running.pop(pid, None):
            launched.returncode, launched.used = os.waitstatus_to_exitcode(status), used

    def _await_end(self, launched: Launched) -> None:
        def look() -> None:
            if self._running.get(launched.pid) is launched:
                self._lose()

        asyncio.get_running_loop().call_later(self._patience, look)

    def _lose(self) -> None:
        """Nobody can say any more what becomes of the programs: they end."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        for asked in self._asked:
            asked.close()
            if not asked.answer.done():
                asked.answer.set_exception(ConnectionResetError("Programs can't be started"))
        for pid, launched in self._running.items():
            kill_group(pid)
            launched.lost = True
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        self._socket = self._server = None
        self._asked.clear()
        self._running.clear()
        self._said = b""


def _pipe(theirs: ExitStack, ours: ExitStack) -> tuple[IO[bytes], int]:
    reading, writing = os.pipe()
    theirs.callback(os.close, writing)
    return ours.enter_context(open(reading, "rb", buffering=0)), writing  # noqa: PTH123


def kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
