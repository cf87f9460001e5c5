"""Finds the colours of code, in processes that can be ended; code that takes long stays plain."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from fastapi import Request

from services.gateway.source_view.highlights import PLAIN, Highlights
from shared.logging import log

SECONDS = 3.0  # from asking to plain code, the wait for a turn included
CACHED = 8 << 20  # bytes of colours; those of ordinary source are a quarter of its size
_COMMAND = (sys.executable, "-E", "-s", "-m", "services.gateway.source_view.highlighter")
_ROOT = Path(__file__).parents[3]


class SourceHighlighter:
    """A few processes at a time, each for one text; a bounded queue; and a cache.

    Where there is no room left, in all or for one person, code is plain at once.
    """

    def __init__(self, at_once: int = 2, waiting: int = 16, of_one: int = 3) -> None:
        """`of_one` counts what one person has running or waiting."""
        self._slots = asyncio.Semaphore(at_once)
        self._most, self._of_one = at_once + waiting, of_one
        self._requests = Counter[UUID]()
        self._cache = Cache(CACHED)

    async def highlights(self, request: Request, user_id: UUID, text: str) -> Highlights:
        """Of a text whose lines end in LF. It ends early once nobody waits for the answer."""
        source = text.encode("utf-8", "replace")  # a lone surrogate is one character either way
        key = sha256(source).digest()
        if cached := self._cache.get(key):
            return cached
        with self._reserved(user_id) as room:
            if not room:
                return PLAIN
            try:
                async with _deadline(request), self._slots:
                    return self._cache.get(key) or self._cache.put(key, await _highlighted(source))
            except OSError:  # the time is up, or there is no process to be had
                return PLAIN

    @contextmanager
    def _reserved(self, user_id: UUID) -> Iterator[bool]:
        room = self._requests.total() < self._most and self._requests[user_id] < self._of_one
        self._requests[user_id] += room
        try:
            yield room
        finally:
            self._requests[user_id] -= room
            self._requests += Counter()  # forgets who asks for nothing


class Cache:
    """Highlights by the SHA-256 of what they are of; the ones unused for longest go first."""

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
    return highlights.size + 500  # the key and the objects around


@asynccontextmanager
async def _deadline(request: Request) -> AsyncIterator[None]:
    """Raises TimeoutError when the time is up, or when the reader has left."""
    async with asyncio.timeout(SECONDS) as deadline:
        watching = asyncio.create_task(_watch_disconnect(request, deadline))
        try:
            yield
        finally:
            watching.cancel()


async def _watch_disconnect(request: Request, deadline: asyncio.Timeout) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    deadline.reschedule(asyncio.get_running_loop().time())


async def _highlighted(source: bytes) -> Highlights:
    """Of one text, by a process that ends with this call, however it ends.

    One that broke off at a limit of its own would do so again: then the code is plain.
    """
    process = await _start_process()
    try:
        written, _ = await process.communicate(source)
    finally:
        await _end(process)
    if process.returncode:
        log.info("code_left_plain", size=len(source), exit_code=process.returncode)
        return PLAIN
    return Highlights.read(written)


async def _start_process() -> Process:
    """Start the process; one that is no longer wanted ends as soon as it has started.

    A start that is broken off itself leaves descriptors open, with uvloop 0.23 and with asyncio.
    """
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(
            *_COMMAND, cwd=_ROOT, env={}, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):  # there was no process to be had
            await _end(await starting)
        raise


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
