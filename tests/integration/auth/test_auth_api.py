"""Accounts and sessions, through the application on a real database."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text

from services.auth.main import create_app
from services.auth.settings import Settings
from shared.contracts import published_types
from shared.eventsourcing.store import EventStore
from tests.integration.conftest import Pools
from tests.support.apps import (
    as_service,
    as_user,
    client_of,
    common_settings,
    is_problem,
    without_loops,
)
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys

PASSWORD = "correct horse battery"
SOMEBODY = UUID("5b62aebd-9760-476f-94c3-ae3a02036fb4")


@pytest_asyncio.fixture
async def app(keys: Keys, postgres: PrivateDatabase) -> AsyncIterator[FastAPI]:
    settings = Settings(
        **common_settings("auth", keys),
        database_url=postgres.url("auth"),
        password_pepper="pepper",
        bcrypt_cost=4,
    )
    async with without_loops(create_app(settings)) as app:
        yield app


@pytest_asyncio.fixture
async def gateway(app: FastAPI, keys: Keys) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app, headers=as_service(keys, "gateway", "auth")) as client:
        yield client


def _address() -> str:
    return f"u{uuid4().hex[:12]}@example.org"


async def _register(
    gateway: httpx2.AsyncClient, email: str, password: str = PASSWORD
) -> httpx2.Response:
    body = {"email": email, "password": password, "language": "ru"}
    return await _post(gateway, "/internal/users", body)


async def _post(gateway: httpx2.AsyncClient, path: str, body: object) -> httpx2.Response:
    """As JSON in ASCII, so that a lone surrogate gets through as well."""
    headers = {"Content-Type": "application/json"}
    return await gateway.post(path, content=json.dumps(body), headers=headers)


async def _log_in(
    gateway: httpx2.AsyncClient, email: str, kind: str = "api", password: str = PASSWORD
) -> httpx2.Response:
    body = {"email": email, "password": password, "kind": kind}
    return await _post(gateway, "/internal/sessions", body)


async def _session(gateway: httpx2.AsyncClient, kind: str = "api") -> dict[str, Any]:
    email = _address()
    assert (await _register(gateway, email)).status_code == 202
    answer = await _log_in(gateway, email, kind)
    assert answer.status_code == 201
    return {**answer.json(), "email": email}


async def _exchange(
    gateway: httpx2.AsyncClient, token: str, way: str = "refresh"
) -> httpx2.Response:
    return await _post(gateway, f"/internal/sessions/{way}", {"token": token})


async def test_a_person_registers_logs_in_and_sees_their_account(
    gateway: httpx2.AsyncClient, app: FastAPI, pools: Pools
) -> None:
    session = await _session(gateway)
    bearer = {"Authorization": f"Bearer {session['access_token']}"}
    async with client_of(app, headers=bearer) as client:
        me = (await client.get("/internal/me")).json()
    assert (me["email"], me["language"]) == (session["email"], "ru")
    assert session["expires_in"] == 600
    store = EventStore(published_types("auth"))
    async with pools("auth").transaction() as connection:
        [event] = await store.load(connection, f"user-{me['user_id']}")
    assert event.event.model_dump(mode="json") == {"user_id": me["user_id"], "language": "ru"}


async def test_the_known_and_the_unknown_address_get_the_same_answer(
    gateway: httpx2.AsyncClient,
) -> None:
    email = _address()
    first = await _register(gateway, email)
    for spelling in (email, email.upper(), email.capitalize()):
        again = await _register(gateway, spelling, "another password")
        assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (await _log_in(gateway, email.upper())).status_code == 201
    assert (await _log_in(gateway, email, password="another password")).status_code == 401


async def test_twenty_registrations_at_once_are_one_account(
    gateway: httpx2.AsyncClient, pools: Pools
) -> None:
    email = _address()
    answers = await asyncio.gather(*(_register(gateway, email) for _ in range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"null")}
    async with pools("auth").transaction() as connection:
        rows = await connection.execute(
            text("SELECT user_id FROM users WHERE email = :email"), {"email": email}
        )
        [user_id] = [row.user_id for row in rows]
        events = await connection.scalar(
            text("SELECT count(*) FROM events WHERE stream_id = :stream"),
            {"stream": f"user-{user_id}"},
        )
    assert events == 1


async def test_nobody_learns_whether_an_account_exists(gateway: httpx2.AsyncClient) -> None:
    session = await _session(gateway)
    unknown = await _log_in(gateway, _address())
    wrong = await _log_in(gateway, session["email"], password="wrong password")
    bodies = [{**answer.json(), "request_id": ""} for answer in (unknown, wrong)]
    assert bodies[0] == bodies[1]
    assert is_problem(unknown, 401, "wrong_credentials")
    assert unknown.headers["www-authenticate"] == wrong.headers["www-authenticate"]


async def test_the_unknown_cost_as_much_time_as_the_known(
    keys: Keys, postgres: PrivateDatabase
) -> None:
    settings = Settings(
        **common_settings("auth", keys),
        database_url=postgres.url("auth"),
        password_pepper="pepper",
        bcrypt_cost=10,
    )
    async with (
        without_loops(create_app(settings)) as app,
        client_of(app, headers=as_service(keys, "gateway", "auth")) as gateway,
    ):
        email = _address()
        await _register(gateway, email)
        known, unknown = list[float](), list[float]()
        for _ in range(5):
            for address, times in ((email, known), (_address(), unknown)):
                started = time.perf_counter()
                await _log_in(gateway, address, password="wrong password")
                times.append(time.perf_counter() - started)
    assert min(unknown) == pytest.approx(min(known), rel=1.0)


@pytest.mark.parametrize(
    ("email", "password", "code"),
    [
        ("", PASSWORD, "email_invalid"),
        ("a@b", PASSWORD, "email_invalid"),
        ("a@example.org\r\nBcc: x@example.org", PASSWORD, "email_invalid"),
        ("a\0@example.org", PASSWORD, "email_invalid"),
        ("a\ud800@example.org", PASSWORD, "invalid"),
        ("a@example.org,b@example.org", PASSWORD, "email_invalid"),
        ("x" * 2000 + "@example.org", PASSWORD, "invalid"),
        ("ann@example.org", "x" * 7, "password_too_short"),
        ("ann@example.org", "x" * 1025, "password_too_long"),
        ("ann@example.org", "x" * 1_000_000, "invalid"),
        ("ann@example.org", "pass\0word", "password_unreadable"),
        ("ann@example.org", "password\ud800", "invalid"),
    ],
    ids=lambda value: repr(value[:24]),
)
async def test_what_cannot_be_an_account_is_refused(
    gateway: httpx2.AsyncClient, email: str, password: str, code: str
) -> None:
    started = time.perf_counter()
    assert is_problem(await _register(gateway, email, password), 422, code)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "change",
    [
        {"is_admin": True},
        {"user_id": str(SOMEBODY)},
        {"email": None},
        {"email": 17},
        {"email": ["ann@example.org"]},
        {"password": 12345678},
        {"password": None},
        {"language": "de"},
        {"language": 1},
    ],
    ids=str,
)
async def test_wrong_shapes_are_refused(
    gateway: httpx2.AsyncClient, change: dict[str, object]
) -> None:
    body = {"email": _address(), "password": PASSWORD, **change}
    assert is_problem(await gateway.post("/internal/users", json=body), 422, "invalid")


@pytest.mark.parametrize("password", ["8 signs!", "x" * 200, "ж" * 100, "😀 " * 300])
async def test_long_passwords_count_to_the_last_letter(
    gateway: httpx2.AsyncClient, password: str
) -> None:
    email = _address()
    await _register(gateway, email, password)
    assert (await _log_in(gateway, email, password=password)).status_code == 201
    assert (await _log_in(gateway, email, password=password[:-1])).status_code == 401


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("\0", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("", ""),
        ("ann@example.org", "\0" * 8),
        ("ann@example.org", "x" * 100_000),
    ],
    ids=repr,
)
async def test_strange_credentials_are_just_wrong(
    gateway: httpx2.AsyncClient, email: str, password: str
) -> None:
    assert is_problem(await _log_in(gateway, email, password=password), 401, "wrong_credentials")


async def test_a_refresh_token_is_worth_one_exchange(gateway: httpx2.AsyncClient) -> None:
    session = await _session(gateway)
    second = (await _exchange(gateway, session["token"])).json()
    assert second["session_id"] == session["session_id"]
    assert second["token"] != session["token"]
    third = await _exchange(gateway, second["token"])
    assert third.status_code == 200


async def test_a_token_used_twice_ends_the_session_for_the_thief_and_the_owner(
    gateway: httpx2.AsyncClient,
) -> None:
    session = await _session(gateway)
    second = (await _exchange(gateway, session["token"])).json()
    alive = f"/internal/sessions/{session['session_id']}"
    assert (await gateway.get(alive)).status_code == 204
    assert is_problem(await _exchange(gateway, session["token"]), 401, "unauthenticated")
    assert is_problem(await _exchange(gateway, second["token"]), 401, "unauthenticated")
    assert is_problem(await gateway.get(alive), 404, "not_found")


async def test_of_parallel_exchanges_at_most_one_succeeds(gateway: httpx2.AsyncClient) -> None:
    session = await _session(gateway)
    answers = await asyncio.gather(*(_exchange(gateway, session["token"]) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_a_web_session_keeps_its_token(gateway: httpx2.AsyncClient) -> None:
    session = await _session(gateway, "web")
    for _ in range(3):
        answer = (await _exchange(gateway, session["token"], "access")).json()
        assert answer["token"] is None
        assert answer["user_id"] == session["user_id"]


async def test_tokens_work_only_in_the_way_they_were_made_for(gateway: httpx2.AsyncClient) -> None:
    web, api = await _session(gateway, "web"), await _session(gateway, "api")
    assert is_problem(await _exchange(gateway, web["token"], "refresh"), 401, "unauthenticated")
    assert is_problem(await _exchange(gateway, api["token"], "access"), 401, "unauthenticated")
    assert (await _exchange(gateway, api["token"], "refresh")).status_code == 200


@pytest.mark.parametrize("token", ["x", "\0", "' OR 1=1 --", "ключ", "x" * 200])
@pytest.mark.parametrize("way", ["refresh", "access"])
async def test_a_token_nobody_gave_out_is_worth_nothing(
    gateway: httpx2.AsyncClient, token: str, way: str
) -> None:
    assert is_problem(await _exchange(gateway, token, way), 401, "unauthenticated")


async def test_after_logging_out_nothing_of_the_session_works(
    gateway: httpx2.AsyncClient, app: FastAPI
) -> None:
    for kind, way in (("api", "refresh"), ("web", "access")):
        session = await _session(gateway, kind)
        bearer = {"Authorization": f"Bearer {session['access_token']}"}
        async with client_of(app, headers=bearer) as client:
            for _ in range(2):
                answer = await client.delete("/internal/sessions/current")
                assert answer.status_code == 204
        assert is_problem(await _exchange(gateway, session["token"], way), 401, "unauthenticated")
        alive = f"/internal/sessions/{session['session_id']}"
        assert is_problem(await gateway.get(alive), 404, "not_found")


async def test_a_session_nobody_used_for_a_month_is_over(
    gateway: httpx2.AsyncClient, pools: Pools
) -> None:
    for kind, way in (("api", "refresh"), ("web", "access")):
        session = await _session(gateway, kind)
        async with pools("auth").transaction() as connection:
            await connection.execute(
                text(
                    "UPDATE sessions SET last_used_at = last_used_at - interval '31 days'"
                    " WHERE session_id = :id"
                ),
                {"id": UUID(session["session_id"])},
            )
        assert is_problem(await _exchange(gateway, session["token"], way), 401, "unauthenticated")


async def test_the_database_keeps_neither_password_nor_token(
    gateway: httpx2.AsyncClient, pools: Pools
) -> None:
    session = await _session(gateway)
    async with pools("auth").transaction() as connection:
        for table in ("users", "sessions", "session_tokens", "events"):
            rows = await connection.execute(text(f"SELECT t::text FROM {table} t"))
            everything = "\n".join(row[0] for row in rows)
            assert PASSWORD not in everything
            assert session["token"] not in everything
            assert session["token"].encode().hex() not in everything
            assert (session["email"] in everything) == (table == "users")


async def test_only_the_notifier_asks_for_addresses(
    gateway: httpx2.AsyncClient, app: FastAPI, keys: Keys
) -> None:
    session = await _session(gateway)
    path = f"/internal/users/{session['user_id']}/contact"
    assert is_problem(await gateway.get(path), 403, "forbidden")
    async with client_of(app) as client:
        assert is_problem(await client.get(path), 401, "unauthenticated")
        mine = as_user(keys, UUID(session["user_id"]))
        assert is_problem(await client.get(path, headers=mine), 401, "unauthenticated")
        notifier = as_service(keys, "notifier", "auth")
        found = (await client.get(path, headers=notifier)).json()
        assert (found["email"], found["language"]) == (session["email"], "ru")
        unknown = f"/internal/users/{uuid4()}/contact"
        assert is_problem(await client.get(unknown, headers=notifier), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/internal/users"),
        ("POST", "/internal/sessions"),
        ("POST", "/internal/sessions/refresh"),
        ("POST", "/internal/sessions/access"),
        ("GET", f"/internal/sessions/{SOMEBODY}"),
    ],
)
async def test_only_the_gateway_speaks_for_people(
    app: FastAPI, keys: Keys, method: str, path: str
) -> None:
    async with client_of(app) as client:
        nobody = await client.request(method, path, json={})
        assert is_problem(nobody, 401, "unauthenticated")
        other = as_service(keys, "checker", "auth")
        answer = await client.request(method, path, json={}, headers=other)
        assert is_problem(answer, 403, "forbidden")


async def test_a_person_who_is_gone_is_not_found(app: FastAPI, keys: Keys) -> None:
    async with client_of(app, headers=as_user(keys, uuid4())) as client:
        assert is_problem(await client.get("/internal/me"), 404, "not_found")
