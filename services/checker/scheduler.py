"""The schedule: at each tick, check what is due."""

import time
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.checker import due, histories
from services.checker.adapters.contents import Contents
from services.checker.conclusion import Run, because, conclude
from services.checker.domain.checks import record, stream
from services.checker.due import DueFile
from services.checker.ruff import Ruff, RuffFailure, RuffResult
from services.checker.rules import Profile
from shared.clock import Clock
from shared.context import correlation_id
from shared.copies import Copy
from shared.db import Database
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.store import Batch, EventStore
from shared.ids import new_id
from shared.logging import log
from shared.messaging.judgement import stream_may_be_to_blame

Answers = dict[UUID, RuffResult | RuffFailure]


class Scheduler:
    """Claims due files, lets ruff judge them in one run, records the results."""

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
        self._database, self._store, self._contents = database, store, contents
        self._ruff, self._profile, self._clock = ruff, profile, clock
        self._copy = copy
        self.interval, self._batch = interval, batch
        self.next_tick = clock()

    async def step(self) -> bool:
        """Check one batch; True when more may be due, for instance the next version of a file.

        After it one version in whose check copies died, alone: it takes no others with it.
        """
        correlation_id.set(new_id())
        if not self._copy.present:
            return False
        batch = await self._check_due(self._batch)
        suspect = await self._check_due(1, suspects=True)
        if batch or suspect:
            return True
        self.next_tick = self._clock() + timedelta(seconds=self.interval)
        return False

    async def _check_due(self, limit: int, *, suspects: bool = False) -> bool:
        async with self._database.transaction() as connection:
            files = await due.claim(
                connection, self._copy.number, limit, self._clock(), suspects=suspects
            )
        if files:
            await self._check(files)
        return bool(files)

    async def _check(self, files: list[DueFile]) -> None:
        """Record what can be said about the files; what is left of them is due again."""
        left = files
        try:
            run, answers = await self._judge(files)
            answered = [file for file in files if file.file_id in answers]
            await self._record_all(answered, run, answers)
            left = [file for file in files if file.file_id not in answers]
        finally:
            if left:
                async with self._database.transaction() as connection:
                    await due.release(connection, left)
        log.info("files_checked", files=len(answered), duration_ms=run.duration_ms)

    async def _judge(self, files: list[DueFile]) -> tuple[Run, Answers]:
        started_at, begun = self._clock(), time.monotonic()
        hopeless: Answers = {
            file.file_id: RuffFailure("crashed") for file in files if file.deaths >= due.GIVEN_UP
        }
        others = [file for file in files if file.file_id not in hopeless]
        answers = await self._ask_ruff(others) if others else {}
        return self._run(started_at, begun), {**hopeless, **answers}

    async def _ask_ruff(self, files: list[DueFile]) -> Answers:
        contents = await self._contents.fetch([file.sha256 for file in files])
        fetched = {file.file_id: contents[file.sha256] for file in files if file.sha256 in contents}
        missing: Answers = {
            file_id: RuffFailure("content_missing")
            for file_id, content in fetched.items()
            if content is None
        }
        there = {file_id: content for file_id, content in fetched.items() if content is not None}
        return {**missing, **await self._ruff.check(there, self._profile)}

    def _run(self, started_at: datetime, begun: float) -> Run:
        duration = round(1000 * (time.monotonic() - begun))
        return Run(self._ruff.engine, self._profile, started_at, duration)

    async def _record_all(self, files: list[DueFile], run: Run, answers: Answers) -> None:
        """Record all results at once, else one by one, so that a bad one harms no neighbour."""
        try:
            await self._record(files, run, answers)
        except Exception as failure:
            if not stream_may_be_to_blame(failure):
                raise
            log.exception("batch_not_recorded", files=len(files))
        else:
            return
        failures = [await self._record_alone(file, run, answers) for file in files]
        if told := next(filter(None, failures), None):
            raise told

    async def _record_alone(self, file: DueFile, run: Run, answers: Answers) -> Exception | None:
        """Record the result, or that there is none; a file of which nothing can be said waits.

        Why that is, if it is.
        """
        told: Exception | None = None
        crashed: Answers = {file.file_id: RuffFailure("crashed")}
        for answer in (answers, crashed):
            try:
                await self._record([file], run, answer)
            except Exception as failure:
                if not stream_may_be_to_blame(failure):
                    raise
                log.exception("result_not_recorded", file_id=str(file.file_id))
                told = failure
            else:
                return None
        async with self._database.transaction() as connection:
            await due.put_off(connection, file, self._clock())
        return told

    async def _record(self, files: list[DueFile], run: Run, answers: Answers) -> None:
        """Append the results of all files that still live, in one transaction."""
        async with self._database.transaction() as connection:
            await self._append(connection, files, run, answers)

    async def _append(
        self, connection: AsyncConnection, files: list[DueFile], run: Run, answers: Answers
    ) -> None:
        # Before any row is locked: reactions take the append lock first, too.
        await take_append_lock(connection)
        alive = await due.settle(connection, files)
        # Nobody waits for the result of a file deleted during its check.
        files = [file for file in files if file.file_id in alive]
        pasts = await histories.load(connection, self._store, alive)
        batches, longer = [], {}
        for file in files:
            past = pasts[file.file_id]
            judge = partial(conclude, file=file, run=run, answer=answers[file.file_id])
            events = record(past.checks, file.version, judge)
            batches.append(Batch(stream(file.file_id), past.version, events, because(file)))
            longer[file.file_id] = past.after(events)
        await self._store.append_many(connection, batches)
        await histories.save(connection, longer)
