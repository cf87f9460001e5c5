"""The schedule: at each tick due files are checked, in queues that do not wait for each other."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from datetime import timedelta

from services.checker.claims import claiming
from services.checker.claims.due_files import CheckQueue, DueFile
from services.checker.linting.ruff import CORES
from services.checker.scheduling.check_runner import CheckRunner
from services.checker.scheduling.runs import split_into_runs
from shared.clock import Clock
from shared.context import correlation_id
from shared.coordination.copies import Copy
from shared.db import Database
from shared.ids import new_id

# Seconds after which a step begins no further run: what has become due meanwhile is claimed, too.
MAX_STEP_SECONDS = 5.0


class Scheduler:
    """Claims due files and has them checked. Each kind of step is one background loop."""

    def __init__(
        self,
        database: Database,
        runner: CheckRunner,
        copy: Copy,
        *,
        interval: float,
        batch: int,
        clock: Clock,
    ) -> None:
        """Take `interval` in seconds between two ticks and `batch` in files."""
        self._database, self._runner = database, runner
        self._copy, self._clock = copy, clock
        self._claim_lock, self._active_queues = asyncio.Lock(), set[CheckQueue]()
        self.interval, self._batch = interval, batch
        self.next_tick = clock()
        self.doorbells: dict[CheckQueue, asyncio.Event] = {
            "large": asyncio.Event(), "slow": asyncio.Event(),
        }  # fmt: skip

    async def step(self) -> bool:
        """Check quick files; True when more may be due, for instance the next version of a file.

        Then check one quarantined version, alone: if it ends this copy, no other check is lost.
        """
        worked = await self._check_queue("quick", self._batch)
        worked |= await self._check_queue("quarantined", 1)
        self._ring()
        if not worked:
            self.next_tick = self._clock() + timedelta(seconds=self.interval)
        return worked

    async def large_step(self) -> bool:
        """Check some large files."""
        return await self._check_queue("large", self._batch)

    async def slow_step(self) -> bool:
        """Check one slow file, of the user who has used the least time of this queue."""
        return await self._check_queue("slow", 1)

    def _ring(self, *more: asyncio.Event) -> None:
        for doorbell in (*self.doorbells.values(), *more):
            doorbell.set()

    async def _check_queue(self, queue: CheckQueue, limit: int) -> bool:
        correlation_id.set(new_id())
        if not self._copy.is_present:
            return False
        files: list[DueFile] = []
        try:
            files = await self._claim(queue, limit)
            await self._check_all(files, queue)
        finally:
            self._active_queues.discard(queue)
            # What follows may be in another queue: a file that was moved to the slow one, the next
            # version, a quarantined one that had to wait. A step without files rings nobody, so
            # that all loops come to rest.
            if files:
                self._ring(self._copy.doorbell)
        return bool(files)

    async def _claim(self, queue: CheckQueue, limit: int) -> list[DueFile]:
        async with self._claim_lock:
            if self._active_queues and "quarantined" in {queue, *self._active_queues}:
                return []
            files = await self._claim_now(queue, limit)
            if files:
                self._active_queues.add(queue)
        return files

    async def _claim_now(self, queue: CheckQueue, limit: int) -> list[DueFile]:
        runner = self._runner
        async with self._database.transaction() as connection:
            files = await claiming.claim(
                connection,
                self._copy.number,
                limit,
                self._clock(),
                queue,
                tool=runner.tool,
                heavy_users=runner.shared_usage.heavy_users(),
                users_by_usage=runner.slow_usage.users(),
                in_hand=runner.in_hand,
            )
            runner.in_hand |= {file.key for file in files}
        return files

    async def _check_all(self, files: Sequence[DueFile], queue: CheckQueue) -> None:
        """One more run at a time than there are cores: contents and results take time, too."""
        runs, end = deque(split_into_runs(files, CORES)), time.monotonic() + MAX_STEP_SECONDS

        async def work() -> None:
            while runs and time.monotonic() < end:
                await self._runner.check(runs.popleft(), queue)

        try:
            workers = [work() for _ in range(min(len(runs), CORES + 1))]
            outcomes = await asyncio.gather(*workers, return_exceptions=True)
        finally:
            await self._runner.release([file for run in runs for file in run])
        if failure := next(filter(None, outcomes), None):
            raise failure
