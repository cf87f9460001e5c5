"""A checker with its database, and what happens to files meanwhile."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from sqlalchemy import text

from services.checker.claims import claiming, due_files
from services.checker.domain.checks import EVENTS, stream
from services.checker.linting.ruff import Ruff
from services.checker.reactions import FileEvent, react
from services.checker.rules import STANDARD
from services.checker.scheduling.scheduler import Scheduler
from shared.clock import utc_now
from shared.contracts.auth import UserErased
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.files import FileDeleted, FileReplaced, FileRestored, FileUploaded
from shared.coordination.copies import Copy
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.web.client import ServiceAway
from tests.support.copies import present_copy
from tests.support.events import ANN, recorded

STORE = EventStore(EventTypes(EVENTS))
UNTIDY, CLEAN = b"import os\n", b'"""Clean."""\n'


class KilledError(BaseException):
    """The process ends here."""


class Shelf:
    """What the files service would answer; `during` happens while the checker waits for it."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.during: Callable[[], Awaitable[None]] | None = None
        self.away = False
        self.calls: list[list[str]] = []
        self.at_once = 500  # contents in an answer
        self.kills: set[str] = set()  # contents that are the end of whoever has them
        self.deaths = 0

    def put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        self.contents[sha256] = content
        return sha256

    async def fetch(self, wanted: Sequence[str]) -> dict[str, bytes | None]:
        self.calls.append(list(wanted))
        if self.away:
            raise ServiceAway
        if self.during is not None:
            during, self.during = self.during, None
            await during()
        if self.kills & set(wanted):
            self.deaths += 1
            raise KilledError
        return {sha256: self.contents.get(sha256) for sha256 in list(wanted)[: self.at_once]}


class Story:
    """Files are saved and deleted, and the checker checks them."""

    def __init__(self, database: Database) -> None:
        self.database, self.shelf, self.now = database, Shelf(), utc_now()

    def scheduler(
        self,
        batch: int = 200,
        copy: Copy | None = None,
        *,
        ruff: Ruff | None = None,
        store: EventStore = STORE,
    ) -> Scheduler:
        return Scheduler(
            self.database,
            store,
            self.shelf,
            ruff or Ruff(),
            STANDARD,
            copy or present_copy(self.database),
            interval=60,
            batch=batch,
            clock=lambda: self.now,
        )

    async def claim(self, copy: Copy) -> list[due_files.DueFile]:
        """What a copy has in hand when it dies, or forgets it."""
        async with self.database.transaction() as connection:
            return await claiming.claim(connection, copy.number, 100, self.now)

    async def die(self, copy: Copy) -> None:
        async with self.database.transaction() as connection:
            await claiming.end_claims(connection, [copy.number])

    async def save(
        self, file_id: UUID, content: bytes, version: int = 1, user_id: UUID = ANN
    ) -> None:
        sha256, name = self.shelf.put(content), "main.py"
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
        await self._happen(event, file_id, version)

    async def delete(self, file_id: UUID, version: int) -> None:
        event = FileDeleted(file_id=file_id, user_id=ANN, version=version)
        await self._happen(event, file_id, version + 1)

    async def restore(self, file_id: UUID, version: int) -> None:
        event = FileRestored(file_id=file_id, user_id=ANN, version=version)
        await self._happen(event, file_id, version + 2)

    async def erase_user(self) -> None:
        event = UserErased(user_id=ANN)
        async with self.database.transaction() as connection:
            await react(connection, [recorded(event, f"user-{ANN}", 2, at=utc_now())])

    async def _happen(self, event: FileEvent, file_id: UUID, sequence: int) -> None:
        async with self.database.transaction() as connection:
            await react(connection, [recorded(event, f"file-{file_id}", sequence, at=utc_now())])

    async def results(self, file_id: UUID) -> list[FileChecked | CheckFailed]:
        async with self.database.transaction() as connection:
            history = await STORE.load(connection, stream(file_id))
        return [
            event.event for event in history if isinstance(event.event, FileChecked | CheckFailed)
        ]

    async def claimed(self) -> int:
        async with self.database.transaction() as connection:
            query = "SELECT count(*) FROM versions WHERE claimed_until IS NOT NULL"
            return int(await connection.scalar(text(query)) or 0)
