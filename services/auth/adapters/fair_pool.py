"""Slow work on a few threads, fair between the networks that ask for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from shared.deadline import left
from shared.errors import Unavailable

MAX_WAITING = 40  # six seconds of hashes at cost 12; more would be answered after callers have gone
SHARE = 20  # of them from one network
PATIENCE = 6.0  # seconds until work begins; several waits of a command end at its deadline

T = TypeVar("T")


class PasswordHashingBusy(Unavailable):
    code = "password_hashing_busy"


class _Job(Generic[T]):
    """Work that waits; `begun` gets its future as soon as a thread has it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.work = work
        self.begun: asyncio.Future[asyncio.Future[T]] = asyncio.Future()


class FairPool:
    """Networks take turns, so that a burst from one costs each other a turn, not a burst.

    A network that asks for more than its share is refused. Where all places are taken, whoever
    comes from a network that has fewer gets the last place of the one that has most.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._free = threads
        self._queues: dict[str, deque[_Job[Any]]] = {}  # none is empty; the next in turn is first

    async def run(self, network: str, work: Callable[[], T]) -> T:
        """Do the work; raises `PasswordHashingBusy` where it can't begin in time."""
        self._make_room(network)
        job = _Job(work)
        self._queues.setdefault(network, deque()).append(job)
        self._begin_what_can()
        try:
            await asyncio.wait([job.begun], timeout=left(PATIENCE))
        finally:
            self._withdraw(network, job)
        if job.begun.cancelled():
            raise PasswordHashingBusy
        # No thread can be stopped: whoever leaves meanwhile does not set it free.
        return await asyncio.shield(job.begun.result())

    async def close(self) -> None:
        for network, queue in list(self._queues.items()):
            for job in list(queue):
                self._withdraw(network, job)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _make_room(self, network: str) -> None:
        mine = len(self._queues.get(network, ()))
        if mine >= SHARE:
            raise PasswordHashingBusy
        if sum(map(len, self._queues.values())) < MAX_WAITING:
            return
        fullest = max(self._queues, key=lambda name: len(self._queues[name]))
        if len(self._queues[fullest]) <= mine + 1:
            raise PasswordHashingBusy
        self._withdraw(fullest, self._queues[fullest][-1])

    def _withdraw(self, network: str, job: _Job[Any]) -> None:
        """Does nothing where the work has begun."""
        if job.begun.cancel():
            self._queues[network].remove(job)
            if not self._queues[network]:
                del self._queues[network]

    def _begin_what_can(self) -> None:
        while self._free and self._queues:
            network = next(iter(self._queues))
            queue = self._queues.pop(network)
            job = queue.popleft()
            if queue:
                self._queues[network] = queue  # behind all others
            running = asyncio.get_running_loop().run_in_executor(self._pool, job.work)
            running.add_done_callback(self._end)
            self._free -= 1
            job.begun.set_result(running)

    def _end(self, _: asyncio.Future[Any]) -> None:
        self._free += 1
        self._begin_what_can()
