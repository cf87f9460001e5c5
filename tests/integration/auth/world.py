"""auth as its callers see it: the gateway, people with their tokens, the notifier."""

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from services.auth.domain.limits import Limits
from services.auth.domain.ports import PasswordHasher, StrengthMeter
from services.auth.domain.session_limits import SessionLimits
from services.auth.main import create_app
from services.auth.settings import Settings
from shared.clock import utc_now
from shared.db import Database
from tests.support.apps import as_service, client_of, common_settings
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys

Variant: TypeAlias = "Callable[..., AbstractAsyncContextManager[World]]"
PASSWORD = "correct horse battery"
OTHER_PASSWORD = "wombats juggle teacups"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass
class SetClock:
    """The time, and how to let it pass."""

    now: datetime = field(default_factory=utc_now)

    def __call__(self) -> datetime:
        return self.now

    def let_pass(self, **time: float) -> None:
        self.now += timedelta(**time)


def make_app(
    keys: Keys,
    postgres: PrivateDatabase,
    clock: SetClock,
    *,
    limits: Mapping[str, Any] | None = None,
    sessions_per_kind: int | None = None,
    hasher: PasswordHasher | None = None,
    meter: StrengthMeter | None = None,
    **changes: Any,
) -> FastAPI:
    """`limits` are fields of `Limits`, `changes` are settings."""
    given: dict[str, Any] = {"password_pepper": "pepper", "bcrypt_cost": 4, **changes}
    database_url = postgres.url("auth")
    settings = Settings(**common_settings("auth", keys), database_url=database_url, **given)
    sessions = SessionLimits.of(settings)
    return create_app(
        settings,
        clock=clock,
        limits=replace(Limits.of(settings), **limits or {}),
        session_limits=replace(sessions, max_per_kind=sessions_per_kind or sessions.max_per_kind),
        hasher=hasher,
        meter=meter,
    )


def address() -> str:
    """An e-mail address nobody has."""
    return f"u{uuid4().hex[:12]}@example.org"


def somewhere(device: str = "", user_agent: str = FIREFOX) -> dict[str, str]:
    """A client at an address that no other test uses."""
    host = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
    return {"address": host, "user_agent": user_agent, "device": device}


@dataclass
class Session:
    """A person who is logged in."""

    world: "World"
    email: str
    tokens: dict[str, Any]

    @property
    def user_id(self) -> UUID:
        return UUID(self.tokens["user_id"])

    @property
    def session_id(self) -> str:
        return str(self.tokens["session_id"])

    async def ask(self, method: str, path: str, body: object = None) -> httpx2.Response:
        bearer = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        async with client_of(self.world.app, headers=bearer) as client:
            return await client.request(method, f"/internal{path}", json=body)

    async def get(self, path: str) -> Any:
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def log_kinds(self) -> list[str]:
        """The security log, oldest first."""
        entries = (await self.get("/me/security-log?limit=100"))["entries"]
        return [entry["kind"] for entry in reversed(entries)]


@dataclass
class World:
    """The service, its clock, its database."""

    app: FastAPI
    keys: Keys
    clock: SetClock
    database: Database
    client: dict[str, str] = field(default_factory=somewhere)

    async def post(self, path: str, body: object, method: str = "POST") -> httpx2.Response:
        """As the gateway; as JSON in ASCII, so that a lone surrogate gets through as well."""
        headers = {
            **as_service(self.keys, "gateway", "auth"),
            "Content-Type": "application/json",
        }
        async with client_of(self.app, headers=headers) as client:
            return await client.request(method, f"/internal{path}", content=json.dumps(body))

    async def is_alive(self, session_id: object) -> bool:
        headers = as_service(self.keys, "gateway", "auth")
        async with client_of(self.app, headers=headers) as client:
            answer = await client.get(f"/internal/sessions/{session_id}")
        assert answer.status_code in {204, 404}
        return answer.status_code == 204

    async def register(
        self, email: str, password: str = PASSWORD, **changes: object
    ) -> httpx2.Response:
        body = {"email": email, "password": password, "language": "ru", "client": self.client}
        return await self.post("/users", body | changes)

    async def try_login(
        self,
        email: str,
        password: str = PASSWORD,
        *,
        kind: str = "api",
        client: dict[str, str] | None = None,
    ) -> httpx2.Response:
        body = {"email": email, "password": password, "kind": kind}
        return await self.post("/sessions", {**body, "client": client or self.client})

    async def log_in(self, email: str, password: str = PASSWORD, **more: Any) -> Session:
        answer = await self.try_login(email, password, **more)
        assert answer.status_code == 201, answer.text
        return Session(self, email, answer.json())

    async def person(self, **more: Any) -> Session:
        """Somebody new, logged in."""
        email = address()
        assert (await self.register(email)).status_code == 202
        return await self.log_in(email, **more)

    async def exchange(self, token: str, way: str = "refresh") -> httpx2.Response:
        return await self.post(f"/sessions/{way}", {"token": token})

    async def as_notifier(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        headers = as_service(self.keys, "notifier", "auth")
        async with client_of(self.app, headers=headers) as client:
            return await client.request(method, f"/internal{path}", json=body)

    async def contact(self, user_id: UUID) -> dict[str, Any] | None:
        """What the notifier learns of a user."""
        asked = {"user_ids": [str(user_id)]}
        found = (await self.as_notifier("POST", "/contacts", asked)).json()["contacts"]
        return found[0] if found else None

    async def requests(self, email: str) -> list[tuple[str, UUID]]:
        """Kind and id of the mails wished for an address, oldest first."""
        rows = await self.rows(
            "SELECT r.kind, r.request_id FROM mail_requests r JOIN events e"
            " ON e.data ->> 'request_id' = r.request_id::text AND e.data ->> 'kind' = r.kind"
            " AND e.data ->> 'user_id' = r.user_id::text AND e.type = 'AccountMailRequested'"
            " WHERE r.email = :email ORDER BY e.position",
            email=email,
        )
        return [(row[0], row[1]) for row in rows]

    async def mail_kinds(self, email: str) -> list[str]:
        return [kind for kind, _ in await self.requests(email)]

    async def mail(self, email: str, kind: str) -> dict[str, Any]:
        """The newest mail of a kind, as the notifier gets it when it sends."""
        ids = [request_id for found, request_id in await self.requests(email) if found == kind]
        answer = await self.as_notifier("POST", f"/account-mails/{ids[-1]}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def confirm(
        self, token: str, password: str | None = PASSWORD, **more: object
    ) -> httpx2.Response:
        """Follow a link in a browser that nobody is logged in with."""
        body = {"token": token, "password": password, "client": self.client}
        return await self.post("/confirmations", body | more)

    async def confirm_address(self, email: str) -> None:
        token = (await self.mail(email, "confirm_email"))["token"]
        assert (await self.confirm(token)).status_code == 200

    async def events(self, user_id: UUID) -> list[tuple[int, str]]:
        """Version and type of a person's events."""
        rows = await self.rows(
            "SELECT version, type FROM events WHERE stream_id = :stream ORDER BY version",
            stream=f"user-{user_id}",
        )
        return [(row[0], row[1]) for row in rows]

    async def rows(self, statement: str, **values: object) -> list[Any]:
        async with self.database.transaction() as connection:
            return list(await connection.execute(text(statement), values))

    async def everything(self) -> str:
        """All rows of all tables of the schema as text."""
        tables = await self.rows(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = current_schema() ORDER BY table_name"
        )
        found = [await self.rows(f"SELECT t::text FROM {table} t") for (table,) in tables]
        assert len(found) > 10
        return "\n".join(str(row[0]) for rows in found for row in rows)
