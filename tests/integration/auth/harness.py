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
import pyotp
from fastapi import FastAPI
from sqlalchemy import text

from services.auth.domain.limits import RateLimits
from services.auth.domain.ports import PasswordHasher, StrengthMeter
from services.auth.domain.session_limits import SessionLimits
from services.auth.main import create_app
from services.auth.settings import Settings
from shared.clock import utc_now
from shared.db import Database
from tests.support.apps import as_service, client_of, common_settings, is_problem
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys

Variant: TypeAlias = "Callable[..., AbstractAsyncContextManager[AuthHarness]]"
PASSWORD = "correct horse battery"
OTHER_PASSWORD = "wombats juggle teacups"
STEP_SECONDS = 30  # of a TOTP
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass
class ManualClock:
    """A clock that a test advances."""

    now: datetime = field(default_factory=utc_now)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)


def make_app(
    keys: Keys,
    postgres: PrivateDatabase,
    clock: ManualClock,
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
        limits=replace(RateLimits.of(settings), **limits or {}),
        session_limits=replace(sessions, max_per_kind=sessions_per_kind or sessions.max_per_kind),
        hasher=hasher,
        meter=meter,
    )


def new_email() -> str:
    """An e-mail address that nobody has."""
    return f"u{uuid4().hex[:12]}@example.org"


def new_client(device: str = "", user_agent: str = FIREFOX) -> dict[str, str]:
    """A client at an address that no other test uses."""
    host = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
    return {"address": host, "user_agent": user_agent, "device": device}


@dataclass
class Person:
    """A person who is logged in."""

    harness: "AuthHarness"
    email: str
    tokens: dict[str, Any]

    @property
    def user_id(self) -> UUID:
        return UUID(self.tokens["user_id"])

    @property
    def session_id(self) -> str:
        return str(self.tokens["session_id"])

    async def request(self, method: str, path: str, body: object = None) -> httpx2.Response:
        bearer = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        async with client_of(self.harness.app, headers=bearer) as client:
            return await client.request(method, f"/internal{path}", json=body)

    async def get(self, path: str) -> Any:
        answer = await self.request("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def request_email_change(self, email: str, password: str = PASSWORD) -> None:
        body = {"password": password, "email": email}
        answer = await self.request("POST", "/me/email", body)
        expected = (202, {"mailed": email != self.email})
        assert (answer.status_code, answer.json()) == expected, answer.text

    async def security_log_kinds(self) -> list[str]:
        """The security log, oldest first."""
        entries = (await self.get("/me/security-log?limit=100"))["entries"]
        return [entry["kind"] for entry in reversed(entries)]


@dataclass
class AuthHarness:
    """The service, its clock, its database."""

    app: FastAPI
    keys: Keys
    clock: ManualClock
    database: Database
    client: dict[str, str] = field(default_factory=new_client)

    async def post(self, path: str, body: object, method: str = "POST") -> httpx2.Response:
        """As the gateway; in ASCII, so that JSON can hold a lone surrogate."""
        headers = {
            **as_service(self.keys, "gateway", "auth"),
            "Content-Type": "application/json",
        }
        async with client_of(self.app, headers=headers) as client:
            return await client.request(method, f"/internal{path}", content=json.dumps(body))

    async def is_active(self, session_id: object) -> bool:
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

    async def log_in(self, email: str, password: str = PASSWORD, **more: Any) -> Person:
        answer = await self.try_login(email, password, **more)
        assert answer.status_code == 201, answer.text
        return Person(self, email, answer.json())

    async def new_person(self, **more: Any) -> Person:
        """Somebody new, logged in."""
        email = new_email()
        assert (await self.register(email)).status_code == 202
        return await self.log_in(email, **more)

    async def exchange(self, token: str, way: str = "refresh") -> httpx2.Response:
        return await self.post(f"/sessions/{way}", {"token": token})

    async def as_notifier(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        headers = as_service(self.keys, "notifier", "auth")
        async with client_of(self.app, headers=headers) as client:
            return await client.request(method, f"/internal{path}", json=body)

    async def contact(self, user_id: UUID) -> dict[str, Any] | None:
        """What the notifier gets for a user."""
        asked = {"user_ids": [str(user_id)]}
        found = (await self.as_notifier("POST", "/contacts", asked)).json()["contacts"]
        return found[0] if found else None

    async def mail_requests(self, email: str) -> list[tuple[str, UUID]]:
        """Kind and id of the mails that were requested for an address, oldest first."""
        rows = await self.rows(
            "SELECT r.kind, r.request_id FROM mail_requests r JOIN events e"
            " ON e.data ->> 'request_id' = r.request_id::text AND e.data ->> 'kind' = r.kind"
            " AND e.data ->> 'user_id' = r.user_id::text AND e.type = 'AccountMailRequested'"
            " WHERE r.email = :email ORDER BY e.position",
            email=email,
        )
        return [(row[0], row[1]) for row in rows]

    async def mail_kinds(self, email: str) -> list[str]:
        return [kind for kind, _ in await self.mail_requests(email)]

    async def mail(self, email: str, kind: str) -> dict[str, Any]:
        """The newest mail of a kind, as the notifier gets it when it sends."""
        ids = [request_id for found, request_id in await self.mail_requests(email) if found == kind]
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

    async def all_rows(self) -> str:
        """All rows of all tables of the schema as text."""
        tables = await self.rows(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = current_schema() ORDER BY table_name"
        )
        found = [await self.rows(f"SELECT t::text FROM {table} t") for (table,) in tables]
        assert len(found) > 10
        return "\n".join(str(row[0]) for rows in found for row in rows)


@dataclass
class PersonWithSecondFactor:
    """Somebody whose login asks for a code."""

    person: Person
    totp: pyotp.TOTP
    recovery_codes: list[str]

    @property
    def email(self) -> str:
        return self.person.email

    @property
    def harness(self) -> AuthHarness:
        return self.person.harness

    def code(self, step: int = 0) -> str:
        """What the app shows now, or `step` steps later."""
        return self.totp.at(self.harness.clock.now, counter_offset=step)

    def wrong_code(self) -> str:
        near = {self.code(step) for step in range(-2, 3)}
        return next(code for code in (f"{n:06}" for n in range(10)) if code not in near)

    async def challenge(self, **more: Any) -> str:
        """The answer to the right password."""
        answer = await self.harness.try_login(self.email, **more)
        assert answer.status_code == 201, answer.text
        assert set(answer.json()) == {"challenge", "expires_in"}
        return str(answer.json()["challenge"])

    async def answer(self, challenge: str, code: str, **more: Any) -> httpx2.Response:
        body = {"challenge": challenge, "code": code, "client": self.harness.client}
        return await self.harness.post("/sessions/second-factor", body | more)

    async def try_code(self, code: str) -> httpx2.Response:
        return await self.answer(await self.challenge(), code)


async def set_up_second_factor(person: Person, password: str = PASSWORD) -> httpx2.Response:
    return await person.request("POST", "/me/second-factor", {"password": password})


async def person_with_second_factor(harness: AuthHarness) -> PersonWithSecondFactor:
    """Somebody new, logged in with a browser; the present code has not been used."""
    person = await harness.new_person(kind="web")
    await harness.confirm_address(person.email)
    begun = await set_up_second_factor(person)
    assert begun.status_code == 201, begun.text
    totp = pyotp.TOTP(begun.json()["secret"])
    confirmed = await person.request(
        "PUT", "/me/second-factor", {"code": totp.at(harness.clock.now)}
    )
    assert confirmed.status_code == 200, confirmed.text
    harness.clock.advance(seconds=STEP_SECONDS)
    return PersonWithSecondFactor(person, totp, confirmed.json()["recovery_codes"])


async def look_up_link(harness: AuthHarness, token: str) -> Any:
    """What the link is for; None if it does not work."""
    answer = await harness.post("/links", {"token": token})
    if answer.status_code == 200:
        return answer.json()
    assert is_problem(answer, 422, "link_invalid")
    return None


async def mailed_link(harness: AuthHarness, person: Person, kind: str) -> tuple[str, str]:
    """A link that works, and the address it was mailed to."""
    email = person.email
    if kind == "confirm_new_email":
        email = new_email()
        await person.request("POST", "/me/email", {"password": PASSWORD, "email": email})
    elif kind == "reset_password":
        await harness.post("/password-resets", {"email": email, "client": harness.client})
    return str((await harness.mail(email, kind))["token"]), email
