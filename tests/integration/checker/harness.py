"""A checker with its database, a fake files service, and the events of other services."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.checker.claims import claiming, due_files
from services.checker.domain.checks import EVENTS, stream
from services.checker.linting.ruff import Ruff
from services.checker.reactions import FileEvent, react
from services.checker.results.check_events import check_event
from services.checker.results.recorder import MakeCheckEvent, Recorder
from services.checker.rules import STANDARD
from services.checker.scheduling.check_runner import CheckRunner
from services.checker.scheduling.scheduler import Scheduler
from shared.clock import utc_now
from shared.contracts.auth import UserErased
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.files import FileDeleted, FileReplaced, FileRestored, FileUploaded
from shared.coordination.copies import Copy
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.web.client import ServiceUnavailable
from tests.support.copies import present_copy
from tests.support.events import ANN, recorded

STORE = EventStore(EventTypes(EVENTS))
UNTIDY, CLEAN = b"import os\n", b'"""Clean."""\n'


class KilledError(BaseException):
    """The process is killed here."""


class FakeContents:
    """Responses of the files service; `during` is awaited before the next one."""

    def __init__(self) -> None:
        self.by_sha256: dict[str, bytes] = {}
        self.during: Callable[[], Awaitable[None]] | None = None
        self.away = False
        self.calls: list[list[str]] = []
        self.limit = 500  # contents in a response
        self.kills: set[str] = set()  # contents that kill the process that fetches them
        self.deaths = 0

    def put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        self.by_sha256[sha256] = content
        return sha256

    async def fetch(self, wanted: Sequence[str]) -> dict[str, bytes | None]:
        self.calls.append(list(wanted))
        if self.away:
            raise ServiceUnavailable
        if self.during is not None:
            during, self.during = self.during, None
            await during()
        if self.kills & set(wanted):
            self.deaths += 1
            raise KilledError
        return {sha256: self.by_sha256.get(sha256) for sha256 in list(wanted)[: self.limit]}


class DyingCheckRunner(CheckRunner):
    """Releases nothing, as the process was killed."""

    async def release(self, files: list[due_files.DueFile]) -> None:
        pass


class CheckerHarness:
    """Consumes events about files and users, and runs schedulers."""

    def __init__(self, database: Database) -> None:
        self.database, self.contents, self.now = database, FakeContents(), utc_now()

    def scheduler(
        self,
        batch: int = 200,
        copy: Copy | None = None,
        *,
        ruff: Ruff | None = None,
        store: EventStore = STORE,
        runner: type[CheckRunner] = CheckRunner,
        make_event: MakeCheckEvent = check_event,
        max_postponements: int = due_files.MAX_POSTPONEMENTS,
    ) -> Scheduler:
        recorder = Recorder(self.database, store, self.clock, make_event=make_event)
        return Scheduler(
            self.database,
            runner(
                self.database,
                self.contents,
                ruff or Ruff(),
                recorder,
                STANDARD,
                self.clock,
                max_postponements=max_postponements,
            ),
            copy or present_copy(self.database),
            interval=60,
            batch=batch,
            clock=self.clock,
        )

    def clock(self) -> datetime:
        return self.now

    async def claim(self, copy: Copy) -> list[due_files.DueFile]:
        """Claim files for a copy that dies or forgets them."""
        async with self.database.transaction() as connection:
            return await claiming.claim(connection, copy.number, 100, self.now)

    async def kill(self, copy: Copy) -> None:
        async with self.database.transaction() as connection:
            await claiming.end_claims(connection, [copy.number])

    async def save(
        self, file_id: UUID, content: bytes, version: int = 1, user_id: UUID = ANN
    ) -> None:
        sha256, name = self.contents.put(content), "main.py"
        size = len(content)
        event = (
            FileUploaded(file_id=file_id, user_id=user_id, name=name, size=size, sha256=sha256)
            if version == 1
            else FileReplaced(
                file_id=file_id,
                user_id=user_id,
                name=name,
                size=size,
                sha256=sha256,
                version=version,
            )
        )
        await self._consume(event, file_id, version)

    async def delete(self, file_id: UUID, version: int) -> None:
        event = FileDeleted(file_id=file_id, user_id=ANN, version=version)
        await self._consume(event, file_id, version + 1)

    async def restore(self, file_id: UUID, version: int) -> None:
        event = FileRestored(file_id=file_id, user_id=ANN, version=version)
        await self._consume(event, file_id, version + 2)

    async def erase_user(self) -> None:
        event = UserErased(user_id=ANN)
        async with self.database.transaction() as connection:
            await react(connection, [recorded(event, f"user-{ANN}", 2, at=utc_now())])

    async def _consume(self, event: FileEvent, file_id: UUID, sequence: int) -> None:
        async with self.database.transaction() as connection:
            await react(connection, [recorded(event, f"file-{file_id}", sequence, at=utc_now())])

    async def results(self, file_id: UUID) -> list[FileChecked | CheckFailed]:
        async with self.database.transaction() as connection:
            history = await STORE.load(connection, stream(file_id))
        return [
            event.event for event in history if isinstance(event.event, FileChecked | CheckFailed)
        ]

    async def count_claims(self) -> int:
        async with self.database.transaction() as connection:
            query = "SELECT count(*) FROM versions WHERE claimed_until IS NOT NULL"
            return int(await connection.scalar(text(query)) or 0)
