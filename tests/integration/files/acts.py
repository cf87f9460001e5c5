"""What people do with files, over the internal API."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from services.files.domain.file import EVENTS, stream
from services.files.projections import PROJECTIONS
from shared.db import Database
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.store import EventStore

STORE = EventStore(EventTypes(EVENTS), PROJECTIONS)
LIMIT = 100_000  # bytes of a file in these tests
Content = bytes | AsyncIterator[bytes]
MakeApp = Callable[..., AbstractAsyncContextManager[FastAPI]]


@dataclass
class Person:
    """Somebody with an account and a client that speaks for them."""

    user_id: UUID
    http: httpx2.AsyncClient

    async def upload(
        self, name: str = "main.py", content: Content = b"x = 1\n", **headers: str
    ) -> httpx2.Response:
        params = {"name": name}
        path = "/internal/files"
        return await self.http.post(path, params=params, content=content, headers=_names(headers))

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

    async def new(self, name: str = "main.py", content: bytes = b"x = 1\n") -> str:
        answer = await self.upload(name, content)
        assert answer.status_code == 201, answer.json()
        return str(answer.json()["file_id"])

    async def limits(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get("/internal/limits")).json()
        return found


@dataclass
class Hands:
    """A clock that is set by hand."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def go(self, **by: float) -> None:
        self.now += timedelta(**by)


async def history(database: Database, file_id: str) -> list[RecordedEvent]:
    async with database.transaction() as connection:
        return await STORE.load(connection, stream(UUID(file_id)))


async def told(database: Database, file_id: str) -> list[str]:
    """The names of a file's events, whose versions have no holes."""
    events = await history(database, file_id)
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    return [event.event.type_name() for event in events]


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
