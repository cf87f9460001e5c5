"""A thread pool for slow work that is fair between the networks that ask for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from shared.deadline import left
from shared.errors import Unavailable

MAX_QUEUED = 40  # six seconds of hashes at cost 12; more would be answered after callers have gone
MAX_QUEUED_PER_NETWORK = 20
QUEUE_TIMEOUT = 6.0  # seconds until work begins; a command waits no longer than its deadline

T = TypeVar("T")


class PasswordHashingBusy(Unavailable):
    code = "password_hashing_busy"


class _Job(Generic[T]):
    """Queued work; `begun` gets the future of its result as soon as a thread has taken it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.work = work
        self.begun: asyncio.Future[asyncio.Future[T]] = asyncio.Future()


class FairPool:
    """Serves networks round-robin, so that a burst from one delays others by one job, not by all.

    A network that has its maximum of queued jobs is refused. When the whole queue is full, a job of
    a network that has few replaces the last job of the network that has most.
    """

    def __init__(
        self,
        name: str,
        threads: int,
        *,
        max_queued: int = MAX_QUEUED,
        max_queued_per_network: int = MAX_QUEUED_PER_NETWORK,
        queue_timeout: float = QUEUE_TIMEOUT,
    ) -> None:
        """Take the name of the threads and their number; `queue_timeout` is in seconds."""
        self._max_queued, self._max_per_network = max_queued, max_queued_per_network
        self._queue_timeout = queue_timeout
        self._pool = ThreadPoolExecutor(threads, name)
        self._free = threads
        self._queues: dict[
            str, deque[_Job[Any]]
        ] = {}  # none is empty; the next to be served is first

    async def run(self, network: str, work: Callable[[], T]) -> T:
        """Do the work; raises `PasswordHashingBusy` when it can't begin in time."""
        self._make_room(network)
        job = _Job(work)
        self._queues.setdefault(network, deque()).append(job)
        self._start_jobs()
        try:
            await asyncio.wait([job.begun], timeout=left(self._queue_timeout))
        finally:
            self._withdraw(network, job)
        if job.begun.cancelled():
            raise PasswordHashingBusy
        # No thread can be stopped: it stays busy even when the caller is cancelled.
        return await asyncio.shield(job.begun.result())

    async def close(self) -> None:
        for network, queue in list(self._queues.items()):
            for job in list(queue):
                self._withdraw(network, job)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _make_room(self, network: str) -> None:
        mine = len(self._queues.get(network, ()))
        if mine >= self._max_per_network:
            raise PasswordHashingBusy
        if sum(map(len, self._queues.values())) < self._max_queued:
            return
        fullest = max(self._queues, key=lambda name: len(self._queues[name]))
        if len(self._queues[fullest]) <= mine + 1:
            raise PasswordHashingBusy
        self._withdraw(fullest, self._queues[fullest][-1])

    def _withdraw(self, network: str, job: _Job[Any]) -> None:
        """Remove a job from its queue, unless its work has begun."""
        if job.begun.cancel():
            self._queues[network].remove(job)
            if not self._queues[network]:
                del self._queues[network]

    def _start_jobs(self) -> None:
        while self._free and self._queues:
            network = next(iter(self._queues))
            queue = self._queues.pop(network)
            job = queue.popleft()
            if queue:
                self._queues[network] = queue  # behind all others
            running = asyncio.get_running_loop().run_in_executor(self._pool, job.work)
            running.add_done_callback(self._free_thread)
            self._free -= 1
            job.begun.set_result(running)

    def _free_thread(self, _: asyncio.Future[Any]) -> None:
        self._free += 1
        self._start_jobs()
