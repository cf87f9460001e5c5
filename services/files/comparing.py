"""Turns at comparing, which costs: a few at a time, and each comparison once."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from shared.errors import Unavailable

T = TypeVar("T")


class DiffBusy(Unavailable):
    code = "diff_busy"
    retry_after = 2


class Comparing:
    """Makes comparisons in threads. Who waits for one holds no connection to the database."""

    def __init__(self, at_once: int = 2, waiting: int = 30) -> None:
        """Let `waiting` more queue behind those that are made `at_once`."""
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._open: dict[Hashable, asyncio.Task[Any]] = {}

    async def made(self, key: Hashable, compare: Callable[[], T]) -> T:
        """What `compare` finds; who asks for the same `key` meanwhile gets the same.

        It goes on when its first asker leaves, for others may wait for it too.
        """
        task: asyncio.Task[T] | None = self._open.get(key)
        if task is None:
            if len(self._open) >= self._most:
                raise DiffBusy
            task = asyncio.create_task(self._in_turn(compare))
            self._open[key] = task
            task.add_done_callback(lambda _: self._open.pop(key))
        return await asyncio.shield(task)

    async def _in_turn(self, compare: Callable[[], T]) -> T:
        async with self._turns:
            return await asyncio.to_thread(compare)
