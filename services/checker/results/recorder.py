"""Records the results of claimed files: all at once, else one by one."""

from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.checker.claims import due_files
from services.checker.claims.due_files import DueFile
from services.checker.domain.checks import MakeEvent, record, stream
from services.checker.domain.history import History
from services.checker.linting.ruff import QUICK_SECONDS, RuffFailure, RuffResult
from services.checker.results import snapshots
from services.checker.results.check_events import RuffRun, caused_by, check_event
from shared.clock import Clock
from shared.contracts.checker import CheckFailed, FileChecked
from shared.db import Database
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.store import Batch, EventStore
from shared.logging import log
from shared.messaging.error_classification import may_be_stream_fault

RuffResults = Mapping[UUID, RuffResult | RuffFailure]  # by file id
MakeCheckEvent = Callable[
    [History, DueFile, RuffRun, RuffResult | RuffFailure], FileChecked | CheckFailed
]


class Recorder:
    """Appends the results of files that are not deleted and whose claims hold."""

    def __init__(
        self,
        database: Database,
        store: EventStore,
        clock: Clock,
        *,
        make_event: MakeCheckEvent = check_event,
    ) -> None:
        self._database, self._store, self._clock = database, store, clock
        self._make_event = make_event

    async def record(self, files: list[DueFile], run: RuffRun, results: RuffResults) -> None:
        """Record all results at once, else one by one, so that a bad one harms no other."""
        try:
            await self._record(files, run, results)
        except Exception as failure:
            if not may_be_stream_fault(failure):
                raise
            log.exception("batch_not_recorded", files=len(files))
        else:
            return
        failures = [await self._record_alone(file, run, results) for file in files]
        if first := next(filter(None, failures), None):
            raise first

    async def _record_alone(
        self, file: DueFile, run: RuffRun, results: RuffResults
    ) -> Exception | None:
        """Record the result, else that the check failed, else postpone the check.

        Returns why the result could not be recorded, if the check was postponed.
        """
        last: Exception | None = None
        crashed: RuffResults = {file.file_id: RuffFailure("crashed")}
        for attempt in (results, crashed):
            try:
                await self._record([file], run, attempt)
            except Exception as failure:
                if not may_be_stream_fault(failure):
                    raise
                log.exception("result_not_recorded", file_id=str(file.file_id))
                last = failure
            else:
                return None
        async with self._database.transaction() as connection:
            await due_files.postpone(connection, file, self._clock())
        return last

    async def _record(self, files: list[DueFile], run: RuffRun, results: RuffResults) -> None:
        slow = [file_id for file_id, result in results.items() if result.seconds > QUICK_SECONDS]
        async with self._database.transaction() as connection:
            # Before any row is locked: reactions take the append lock first, too.
            await take_append_lock(connection)
            existing = await due_files.mark_checked(connection, files, slow, run.tool)
            # A file deleted during its check gets no result.
            await self._append(
                connection, [one for one in files if one.file_id in existing], run, results
            )

    async def _append(
        self,
        connection: AsyncConnection,
        files: Collection[DueFile],
        run: RuffRun,
        results: RuffResults,
    ) -> None:
        before = await snapshots.load(connection, self._store, [file.file_id for file in files])
        batches, after = [], {}
        for file in files:
            snapshot, result = before[file.file_id], results[file.file_id]
            make_event = self._event_of(file, run, result)
            events = record(snapshot.checks, file.version, make_event)
            batches.append(Batch(stream(file.file_id), snapshot.version, events, caused_by(file)))
            after[file.file_id] = snapshot.after(events)
        await self._store.append_many(connection, batches)
        await snapshots.save(connection, after)

    def _event_of(self, file: DueFile, run: RuffRun, result: RuffResult | RuffFailure) -> MakeEvent:
        return lambda history: self._make_event(history, file, run, result)
