"""Limits concurrent diffs; identical requests share one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from shared.errors import Unavailable

T = TypeVar("T")
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


class DiffBusy(Unavailable):
    code = "diff_busy"
    retry_after = 2


class DiffLimiter:
    """Runs diffs in threads. A request that waits for one holds no database connection."""

    def __init__(
        self, concurrency: int = 2, queue_size: int = 30, *, in_thread: InThread = asyncio.to_thread
    ) -> None:
        """Run `concurrency` diffs at once, and let `queue_size` more wait."""
        self._in_thread = in_thread
        self._slots = asyncio.Semaphore(concurrency)
        self._max_open = concurrency + queue_size
        self._open: dict[Hashable, asyncio.Task[Any]] = {}

    async def run(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the result of `compute`; requests with the same `key` meanwhile share it.

        It goes on when the request that started it is cancelled, since others may wait for it.

        Raises:
            DiffBusy: the queue is full.
        """
        task: asyncio.Task[T] | None = self._open.get(key)
        if task is None:
            if len(self._open) >= self._max_open:
                raise DiffBusy
            task = asyncio.create_task(self._run_in_slot(compute))
            self._open[key] = task
            task.add_done_callback(lambda _: self._open.pop(key))
        return await asyncio.shield(task)

    async def _run_in_slot(self, compute: Callable[[], T]) -> T:
        async with self._slots:
            result: T = await self._in_thread(compute)
            return result
