"""A person who uses the internal API of files, and what the tests read in the database."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from services.files.domain.file import EVENTS, stream
from services.files.projections import FILES, PROJECTIONS, history
from services.files.reactions import reacting
from services.files.storage import contents
from shared.contracts.auth import UserErased
from shared.db import Database
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.projection import Projection
from shared.eventsourcing.rebuild.rebuilder import rebuild
from shared.eventsourcing.store import EventStore
from tests.integration.conftest import Pools
from tests.support.apps import as_user, client_of
from tests.support.events import recorded
from tests.support.keys import Keys
from tests.support.readmodels import Tables, rows_of

STORE = EventStore(EventTypes(EVENTS), PROJECTIONS)
LIMIT = 100_000  # bytes of a file in these tests
Content = bytes | AsyncIterator[bytes]
MakeApp = Callable[..., AbstractAsyncContextManager[FastAPI]]


@dataclass
class Person:
    """A user, and a client that sends their token."""

    user_id: UUID
    http: httpx2.AsyncClient

    async def upload(
        self, name: str = "main.py", content: Content = b"x = 1\n", **headers: str
    ) -> httpx2.Response:
        params = {"name": name}
        path = "/internal/files"
        return await self.http.post(path, params=params, content=content, headers=_names(headers))

    async def new(self, name: str = "main.py", content: bytes = b"x = 1\n") -> str:
        """Upload a new file and return its id."""
        answer = await self.upload(name, content)
        assert answer.status_code == 201, answer.json()
        return str(answer.json()["file_id"])

    async def upload_or_replace(self, name: str, content: bytes) -> dict[str, Any]:
        params = {"name": name, "replace": "true"}
        answer = await self.http.post("/internal/files", params=params, content=content)
        assert answer.status_code == 201, answer.json()
        saved: dict[str, Any] = answer.json()
        return saved

    async def replace(
        self,
        file_id: str,
        content: Content,
        name: str = "main.py",
        if_version: object = None,
        **headers: str,
    ) -> httpx2.Response:
        params: dict[str, Any] = {"name": name}
        if if_version is not None:
            params["if_version"] = if_version
        path = f"/internal/files/{file_id}/content"
        return await self.http.put(path, params=params, content=content, headers=_names(headers))

    async def delete(self, file_id: str, **params: object) -> httpx2.Response:
        return await self.http.delete(f"/internal/files/{file_id}", params=_some(params))

    async def restore(self, file_id: str) -> httpx2.Response:
        return await self.http.post(f"/internal/files/{file_id}/restore")

    async def get(self, file_id: str, part: str = "", **params: object) -> httpx2.Response:
        return await self.http.get(f"/internal/files/{file_id}{part}", params=_some(params))

    async def limits(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get("/internal/limits")).json()
        return found


@dataclass
class ManualClock:
    """A clock that moves only when a test moves it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@asynccontextmanager
async def person(app: FastAPI, keys: Keys) -> AsyncIterator[Person]:
    """A new user, who has no files of other tests."""
    user_id = uuid4()
    async with client_of(app, headers=as_user(keys, user_id)) as http:
        yield Person(user_id, http)


async def erase_user(database: Database, user_id: UUID) -> None:
    """Handle the event that auth publishes when a user is erased."""
    async with database.transaction() as connection:
        await reacting(STORE)(connection, [recorded(UserErased(user_id=user_id))])


async def rebuild_tables(pools: Pools, projection: Projection = FILES) -> None:
    await rebuild(pools("files_owner"), "files", [projection], history)


async def read_tables(database: Database) -> Tables:
    async with database.transaction() as connection:
        return await rows_of(connection, FILES.tables)


async def new_versions(who: Person, *contents: bytes) -> str:
    """Upload a file, replace it by each of the other contents, and return its id."""
    file_id = await who.new("main.py", contents[0])
    for content in contents[1:]:
        assert (await who.replace(file_id, content)).status_code == 200
    return file_id


async def events_of(database: Database, file_id: str) -> list[RecordedEvent]:
    async with database.transaction() as connection:
        return await STORE.load(connection, stream(UUID(file_id)))


async def event_names(database: Database, file_id: str) -> list[str]:
    """The names of a file's events, whose versions have no gaps."""
    events = await events_of(database, file_id)
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    return [event.event.type_name() for event in events]


def new_content() -> bytes:
    """Bytes that no other test has."""
    return f"# {uuid4()}\n".encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def queue_unwanted(database: Database, content: bytes) -> None:
    async with database.transaction() as connection:
        await contents.store(connection, sha256(content), content)
        note = "INSERT INTO unwanted_contents VALUES (:sha256) ON CONFLICT DO NOTHING"
        await connection.execute(text(note), {"sha256": sha256(content)})


async def has_content(database: Database, content: bytes) -> bool:
    async with database.transaction() as connection:
        found = await connection.scalar(
            text("SELECT true FROM contents WHERE content = :content"), {"content": content}
        )
    return bool(found)


def _names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _some(params: dict[str, object]) -> dict[str, Any]:
    return {name.rstrip("_"): value for name, value in params.items() if value is not None}
