"""Checks claimed files: fetches their contents, runs ruff, has the results recorded."""

import time
from collections.abc import AsyncIterator
from uuid import UUID

from services.checker.claims import due_files
from services.checker.claims.due_files import CheckQueue, DueFile, VersionKey
from services.checker.domain.contents import Contents
from services.checker.linting.ruff import Ruff, RuffFailure
from services.checker.results.check_events import RuffRun, tool_of
from services.checker.results.recorder import Recorder, RuffResults
from services.checker.rules import Profile
from services.checker.scheduling.cpu_usage import FREE_SECONDS, CpuUsage
from shared.clock import Clock
from shared.db import Database
from shared.logging import log

# These may come from limits of time or memory that are lower than those of the slow queue.
_MAY_BE_LIMITS = (RuffFailure("timeout"), RuffFailure("crashed"))


class CheckRunner:
    """Takes the files of one run from their claims to their results."""

    def __init__(
        self,
        database: Database,
        contents: Contents,
        ruff: Ruff,
        recorder: Recorder,
        profile: Profile,
        clock: Clock,
        *,
        max_postponements: int = due_files.MAX_POSTPONEMENTS,
    ) -> None:
        self._database, self._contents, self._recorder = database, contents, recorder
        self._ruff, quick = ruff, ruff.with_quick_limits()
        self._ruffs: dict[CheckQueue, Ruff] = {
            "quick": quick, "large": ruff.with_quick_limits(1), "slow": ruff, "quarantined": ruff,
        }  # fmt: skip
        self._profile, self._clock = profile, clock
        self._max_postponements = max_postponements
        # Time in which others had to wait, and time in the slow queue.
        self.shared_usage, self.slow_usage = CpuUsage(), CpuUsage()
        self.in_hand = set[VersionKey]()

    @property
    def tool(self) -> str:
        return tool_of(self._ruff.engine, self._profile)

    async def check(self, files: list[DueFile], queue: CheckQueue) -> None:
        """Record each result as soon as it is known; a file without one is due again.

        A file that breaks the limits of the quick and large queues is moved to the slow queue.
        """
        started_at, began = self._clock(), time.monotonic()
        left, ruff = {file.file_id: file for file in files}, self._ruffs[queue]
        usage = self.slow_usage if queue == "slow" else self.shared_usage
        retry = self._postpone if ruff is self._ruff else self._move_to_slow_queue
        try:
            async for results in self._run_ruff(files, ruff):
                self._add_usage(files, results, usage)
                results = await retry(left, results)  # noqa: PLW2901
                run = RuffRun(self._ruff.engine, self._profile, started_at, _ms_since(began))
                await self._recorder.record([left[file_id] for file_id in results], run, results)
                for file_id in results:
                    del left[file_id]
        finally:
            self.in_hand -= {file.key for file in files if file.file_id not in left}
            await self.release(list(left.values()))
        log.info("files_checked", files=len(files) - len(left), duration_ms=_ms_since(began))

    async def release(self, files: list[DueFile]) -> None:
        """End the claims. Where that fails, they end with the next claim of this copy."""
        if not files:
            return
        try:
            async with self._database.transaction() as connection:
                await due_files.release(connection, files)
        finally:
            self.in_hand -= {file.key for file in files}

    async def _run_ruff(self, files: list[DueFile], ruff: Ruff) -> AsyncIterator[RuffResults]:
        given_up = [file for file in files if file.deaths >= due_files.MAX_DEATHS]
        if given_up:
            yield {file.file_id: RuffFailure("crashed") for file in given_up}
        if others := [file for file in files if file.deaths < due_files.MAX_DEATHS]:
            contents = await self._contents.fetch([file.sha256 for file in others])
            fetched = {
                file.file_id: contents[file.sha256] for file in others if file.sha256 in contents
            }
            if missing := [file_id for file_id, content in fetched.items() if content is None]:
                yield dict.fromkeys(missing, RuffFailure("content_missing"))
            existing = {
                file_id: content for file_id, content in fetched.items() if content is not None
            }
            async for results in ruff.check_incrementally(existing, self._profile):
                yield results

    def _add_usage(self, files: list[DueFile], results: RuffResults, usage: CpuUsage) -> None:
        for file in files:
            result = results.get(file.file_id)
            if result and (isinstance(result, RuffFailure) or result.seconds > FREE_SECONDS):
                usage.add(file.user_id, result.seconds)

    async def _move_to_slow_queue(
        self, left: dict[UUID, DueFile], results: RuffResults
    ) -> RuffResults:
        """Move files that may only need higher limits; return the results of the others."""
        moved = {file_id for file_id, result in results.items() if result in _MAY_BE_LIMITS}
        if moved:
            files = [left.pop(file_id) for file_id in moved]
            async with self._database.transaction() as connection:
                await due_files.move_to_slow_queue(connection, files, self.tool)
            self.in_hand -= {file.key for file in files}
            log.info("files_moved_to_slow_queue", files=len(files))
        return _without(moved, results)

    async def _postpone(self, left: dict[UUID, DueFile], results: RuffResults) -> RuffResults:
        """Postpone files that the machine had no time for; return the results of the others."""
        postponed = {
            file_id for file_id, result in results.items()
            if isinstance(result, RuffFailure) and result.cut_short
            and left[file_id].unfinished < self._max_postponements
        }  # fmt: skip
        for file in [left.pop(file_id) for file_id in postponed]:
            async with self._database.transaction() as connection:
                await due_files.postpone(connection, file, self._clock())
            self.in_hand.discard(file.key)
            log.info("check_postponed", file_id=str(file.file_id), times=file.unfinished + 1)
        return _without(postponed, results)


def _without(file_ids: set[UUID], results: RuffResults) -> RuffResults:
    return {file_id: result for file_id, result in results.items() if file_id not in file_ids}


def _ms_since(began: float) -> int:
    return round(1000 * (time.monotonic() - began))
