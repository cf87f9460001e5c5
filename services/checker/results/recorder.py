"""Records what ruff said of claimed files: all at once, else one by one."""

from collections.abc import Collection, Mapping
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.checker.claims import due_files
from services.checker.claims.due_files import DueFile
from services.checker.domain.checks import record, stream
from services.checker.linting.ruff import HURRY, RuffFailure, RuffResult
from services.checker.results import snapshots
from services.checker.results.check_events import Run, caused_by, check_event
from shared.clock import Clock
from shared.db import Database
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.store import Batch, EventStore
from shared.logging import log
from shared.messaging.error_classification import may_be_stream_fault

Answers = Mapping[UUID, RuffResult | RuffFailure]


class Recorder:
    """Appends the results of the files that still live and are still claimed."""

    def __init__(self, database: Database, store: EventStore, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock

    async def record(self, files: list[DueFile], run: Run, answers: Answers) -> None:
        """Record all results at once, else one by one, so that a bad one harms no neighbour."""
        try:
            await self._record(files, run, answers)
        except Exception as failure:
            if not may_be_stream_fault(failure):
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
                if not may_be_stream_fault(failure):
                    raise
                log.exception("result_not_recorded", file_id=str(file.file_id))
                told = failure
            else:
                return None
        async with self._database.transaction() as connection:
            await due_files.put_off(connection, file, self._clock())
        return told

    async def _record(self, files: list[DueFile], run: Run, answers: Answers) -> None:
        """Append the results of all files that still live, in one transaction."""
        slow = [file_id for file_id, answer in answers.items() if answer.seconds > HURRY]
        async with self._database.transaction() as connection:
            # Before any row is locked: reactions take the append lock first, too.
            await take_append_lock(connection)
            alive = await due_files.settle(connection, files, slow, run.tool)
            # Nobody waits for the result of a file deleted during its check.
            await self._append(
                connection, [one for one in files if one.file_id in alive], run, answers
            )

    async def _append(
        self, connection: AsyncConnection, files: Collection[DueFile], run: Run, answers: Answers
    ) -> None:
        pasts = await snapshots.load(connection, self._store, [file.file_id for file in files])
        batches, longer = [], {}
        for file in files:
            past = pasts[file.file_id]
            decide = partial(check_event, file=file, run=run, answer=answers[file.file_id])
            events = record(past.checks, file.version, decide)
            batches.append(Batch(stream(file.file_id), past.version, events, caused_by(file)))
            longer[file.file_id] = past.after(events)
        await self._store.append_many(connection, batches)
        await snapshots.save(connection, longer)
