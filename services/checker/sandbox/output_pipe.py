"""Reads the output of a program in pieces that are large enough to be worth a wake-up."""

import asyncio
import time
from collections.abc import Callable
from typing import IO, cast

OutputReader = Callable[[bytes], None]

# A program that writes line by line wakes its reader for each of them: 15 times for a file ruff
# checks. So a small piece is followed by a pause, in which the pipe collects the next ones.
_SMALL = 16 << 10  # bytes; a pipe holds four times as much
_PAUSE_SHARE, _MAX_PAUSE = 0.1, 0.02  # of the time it has been read; seconds


class OutputPipe(asyncio.Protocol):
    """Passes on what comes out of a pipe until its end."""

    _transport: asyncio.ReadTransport

    def __init__(self, read: OutputReader) -> None:
        """Take a function that is called with each piece and must not raise."""
        self._read, self._began = read, time.monotonic()
        self.ended = asyncio.Event()

    async def connect(self, pipe: IO[bytes]) -> None:
        await asyncio.get_running_loop().connect_read_pipe(lambda: self, pipe)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.ReadTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._read(data)
        if len(data) < _SMALL:
            self._transport.pause_reading()
            pause = min(_PAUSE_SHARE * (time.monotonic() - self._began), _MAX_PAUSE)
            asyncio.get_running_loop().call_later(pause, self._resume)

    def connection_lost(self, _: Exception | None) -> None:
        self.ended.set()

    def close(self) -> None:
        if not self.ended.is_set():
            self._transport.close()

    def _resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()
