"""Highlights code in short-lived processes; code that takes too long stays plain."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import Request

from services.gateway.source_view.highlights import PLAIN, Highlights
from shared.logging import log

TIMEOUT = 3.0  # seconds until code stays plain, including the wait for a slot
MAX_CACHED = 8 << 20  # bytes; highlights of ordinary source take a quarter of its size
_COMMAND = (sys.executable, "-E", "-s", "-m", "services.gateway.source_view.highlighter")
_ROOT = Path(__file__).parents[3]
Start = Callable[..., Coroutine[Any, Any, Process]]


class SourceHighlighter:
    """Runs a process per text, with limits on concurrency and queue length, and a cache.

    Code stays plain if the limit of all requests, or that of one user, is reached.
    """

    def __init__(
        self,
        max_running: int = 2,
        max_waiting: int = 16,
        max_per_user: int = 3,
        timeout: float = TIMEOUT,
        start: Start = asyncio.create_subprocess_exec,
    ) -> None:
        """`max_per_user` counts running and waiting requests of one user."""
        self._slots, self._timeout, self._start = asyncio.Semaphore(max_running), timeout, start
        self._max_requests, self._max_per_user = max_running + max_waiting, max_per_user
        self._requests = Counter[UUID]()
        self._cache = Cache(MAX_CACHED)

    async def highlights(self, request: Request, user_id: UUID, text: str) -> Highlights:
        """Highlight a text whose lines end in LF; cancelled if the client disconnects."""
        source = text.encode("utf-8", "replace")  # a lone surrogate is one character either way
        key = sha256(source).digest()
        if cached := self._cache.get(key):
            return cached
        with self._reserved(user_id) as room:
            if not room:
                return PLAIN
            try:
                async with _deadline(request, self._timeout), self._slots:
                    if cached := self._cache.get(key):
                        return cached
                    return self._cache.put(key, await _highlighted(source, self._start))
            except OSError:  # timed out, or no process could be started
                return PLAIN

    @contextmanager
    def _reserved(self, user_id: UUID) -> Iterator[bool]:
        room = self._requests.total() < self._max_requests
        room = room and self._requests[user_id] < self._max_per_user
        self._requests[user_id] += room
        try:
            yield room
        finally:
            self._requests[user_id] -= room
            self._requests += Counter()  # drops zero counts


class Cache:
    """An LRU cache of highlights by the SHA-256 of their source."""

    def __init__(self, size: int) -> None:
        """`size` is in bytes."""
        self._left = size
        self._entries: OrderedDict[bytes, Highlights] = OrderedDict()

    def get(self, key: bytes) -> Highlights | None:
        if key in self._entries:
            self._entries.move_to_end(key)
        return self._entries.get(key)

    def put(self, key: bytes, highlights: Highlights) -> Highlights:
        if key not in self._entries:
            self._entries[key] = highlights
            self._left -= _cost(highlights)
        while self._left < 0:
            _, gone = self._entries.popitem(last=False)
            self._left += _cost(gone)
        return highlights


def _cost(highlights: Highlights) -> int:
    return highlights.size + 500  # the key and object overhead


@asynccontextmanager
async def _deadline(request: Request, seconds: float) -> AsyncIterator[None]:
    """Raises `TimeoutError` after the timeout, or when the client disconnects."""
    async with asyncio.timeout(seconds) as deadline:
        watching = asyncio.create_task(_watch_disconnect(request, deadline))
        try:
            yield
        finally:
            watching.cancel()


async def _watch_disconnect(request: Request, deadline: asyncio.Timeout) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    deadline.reschedule(asyncio.get_running_loop().time())


async def _highlighted(source: bytes, start: Start) -> Highlights:
    """Highlight one text in a process that ends with this call.

    If the process exceeds its own limits, the code stays plain, as another attempt would too.
    """
    process = await _start_process(start)
    try:
        written, _ = await process.communicate(source)
    finally:
        await _end(process)
    if process.returncode:
        log.info("code_left_plain", size=len(source), exit_code=process.returncode)
        return PLAIN
    return Highlights.read(written)


async def _start_process(start: Start) -> Process:
    """Start the process; after a cancellation, end it once it has started.

    Cancelling the start itself leaks file descriptors, in uvloop 0.23 and in asyncio.
    """
    starting = asyncio.create_task(
        start(*_COMMAND, cwd=_ROOT, env={}, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):  # the process could not be started
            await _end(await starting)
        raise


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
