"""The schedule: at each tick, check what is due. What may take long has lanes of its own."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from datetime import timedelta

from services.checker.claims import claiming
from services.checker.claims.due_files import DueFile, Lane
from services.checker.domain.contents import Contents
from services.checker.linting.ruff import CORES, Ruff
from services.checker.results.recorder import Recorder
from services.checker.rules import Profile
from services.checker.scheduling.check_runner import Checking
from services.checker.scheduling.runs import runs
from shared.clock import Clock
from shared.context import correlation_id
from shared.coordination.copies import Copy
from shared.db import Database
from shared.eventsourcing.store import EventStore
from shared.ids import new_id

TURN = 5.0  # seconds, after which no further run begins: what has come meanwhile is claimed, too


class Scheduler:
    """Claims due files and has them checked, in three lanes that don't wait for each other."""

    def __init__(
        self,
        database: Database,
        store: EventStore,
        contents: Contents,
        ruff: Ruff,
        profile: Profile,
        copy: Copy,
        *,
        interval: float,
        batch: int,
        clock: Clock,
    ) -> None:
        """Take `interval` in seconds between two ticks and `batch` in files."""
        self._database, self._copy, self._clock = database, copy, clock
        recorder = Recorder(database, store, clock)
        self._checking = Checking(database, contents, ruff, recorder, profile, clock)
        self._claiming, self._busy = asyncio.Lock(), set[Lane]()
        self.interval, self._batch = interval, batch
        self.next_tick = clock()
        # Of the loops that do the other steps.
        self.bells: dict[Lane, asyncio.Event] = {"large": asyncio.Event(), "slow": asyncio.Event()}

    async def step(self) -> bool:
        """Check what is quick; True when more may be due, for instance the next version of a file.

        After it one version in whose check copies died, alone: it takes no others with it.
        """
        worked = await self._step("quick", self._batch)
        worked |= await self._step("suspects", 1)
        self._ring()
        if not worked:
            self.next_tick = self._clock() + timedelta(seconds=self.interval)
        return worked

    async def large_step(self) -> bool:
        """Check some large files."""
        return await self._step("large", self._batch)

    async def slow_step(self) -> bool:
        """Check one file that others need not wait for; of those who have spent the least time."""
        return await self._step("slow", 1)

    def _ring(self, *more: asyncio.Event) -> None:
        for bell in (*self.bells.values(), *more):
            bell.set()

    async def _step(self, lane: Lane, limit: int) -> bool:
        correlation_id.set(new_id())
        if not self._copy.is_present:
            return False
        files: list[DueFile] = []
        try:
            files = await self._claim(lane, limit)
            await self._check_all(files, lane)
        finally:
            self._busy.discard(lane)
            # What follows may be another lane's: what was put aside, the next version, a suspect
            # that was not alone. Who found nothing rings nobody, so that all come to rest.
            if files:
                self._ring(self._copy.doorbell)
        return bool(files)

    async def _claim(self, lane: Lane, limit: int) -> list[DueFile]:
        async with self._claiming:
            if self._busy and "suspects" in {lane, *self._busy}:
                return []
            files = await self._claim_now(lane, limit)
            if files:
                self._busy.add(lane)
        return files

    async def _claim_now(self, lane: Lane, limit: int) -> list[DueFile]:
        checking = self._checking
        async with self._database.transaction() as connection:
            files = await claiming.claim(
                connection,
                self._copy.number,
                limit,
                self._clock(),
                lane,
                tool=checking.tool,
                heavy=checking.spent_of_others.heavy(),
                spenders=checking.spent_apart.people(),
                in_hand=checking.in_hand,
            )
            checking.in_hand |= {file.key for file in files}
        return files

    async def _check_all(self, files: Sequence[DueFile], lane: Lane) -> None:
        """In runs, one more at a time than there are cores: contents and results take time, too."""
        todo, end = deque(runs(files, CORES)), time.monotonic() + TURN

        async def work() -> None:
            while todo and time.monotonic() < end:
                await self._checking.check(todo.popleft(), lane)

        try:
            workers = [work() for _ in range(min(len(todo), CORES + 1))]
            told = await asyncio.gather(*workers, return_exceptions=True)
        finally:
            await self._checking.give_back([file for run in todo for file in run])
        if failure := next(filter(None, told), None):
            raise failure
