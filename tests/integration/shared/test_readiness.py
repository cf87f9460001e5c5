"""A service says that it is ready when it is, and not before."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

import services.auth.main
import services.auth.settings
import services.checker.main
import services.checker.settings
import services.files.main
import services.files.settings
import services.notifier.main
import services.notifier.settings
import services.reports.main
import services.reports.settings
from shared.contracts import CONSUMED, PUBLISHED
from tests.support.apps import as_user, client_of, common_settings, is_problem, without_loops
from tests.support.broker import Broker, all_of
from tests.support.databases import PrivateDatabase, copy, create_empty, drop, migrate
from tests.support.keys import Keys
from tests.support.proxy import proxy_to
from tests.support.waiting import eventually

SERVICES: dict[str, tuple[Callable[[Any], FastAPI], type, dict[str, object]]] = {
    "auth": (
        services.auth.main.create_app,
        services.auth.settings.Settings,
        {"password_pepper": "pepper", "bcrypt_cost": 4},
    ),
    "files": (services.files.main.create_app, services.files.settings.Settings, {}),
    "checker": (services.checker.main.create_app, services.checker.settings.Settings, {}),
    "notifier": (
        services.notifier.main.create_app,
        services.notifier.settings.Settings,
        {"smtp_url": "smtp://127.0.0.1:1"},
    ),
    "reports": (services.reports.main.create_app, services.reports.settings.Settings, {}),
}


def make(service: str, keys: Keys, **urls: str) -> FastAPI:
    create_app, settings, more = SERVICES[service]
    return create_app(settings(**{**common_settings(service, keys), **more, **urls}))


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """The application with everything that runs beside it."""
    async with app.router.lifespan_context(app), client_of(app) as client:
        yield client


async def _is_ready(client: httpx2.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200


async def test_without_its_migrations_no_service_is_ready(postgres_url: str, keys: Keys) -> None:
    database = await create_empty(postgres_url)
    try:
        for service in SERVICES:
            app = make(service, keys, database_url=database.url(service))
            async with without_loops(app), client_of(app) as client:
                answer = await client.get("/readyz")
                assert answer.status_code == 503, service
                assert answer.json()["database"] != "ok", service
                assert (await client.get("/healthz")).status_code == 200
        await migrate(database)
        for service in SERVICES:
            app = make(service, keys, database_url=database.url(service))
            async with without_loops(app), client_of(app) as client:
                assert (await client.get("/readyz")).json()["database"] == "ok", service
    finally:
        await drop(database)


@pytest.mark.parametrize(("version", "state"), [("0000", "migrations_pending"), ("0002", "ok")])
async def test_an_older_schema_is_told_as_pending_and_a_newer_one_serves(
    template: PrivateDatabase, keys: Keys, version: str, state: str
) -> None:
    """While a new release takes over, copies of the one before run with its tables."""
    other = await copy(template)
    try:
        admin = await other.admin()
        await admin.execute("UPDATE files.alembic_version SET version_num = $1", version)
        await admin.close()
        app = make("files", keys, database_url=other.url("files"))
        async with without_loops(app), client_of(app) as client:
            assert (await client.get("/readyz")).json()["database"] == state
    finally:
        await drop(other)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_with_everything_it_needs_is_ready(
    service: str, keys: Keys, postgres: PrivateDatabase, broker: Broker
) -> None:
    app = make(service, keys, database_url=postgres.url(service), amqp_url=broker.url)
    async with running(app) as client:
        await eventually(partial(_is_ready, client))
        expected = {"database"} | ({"broker", "outbox"} if PUBLISHED[service] else set())
        if service in CONSUMED:
            expected.add("consumer")
        assert set((await client.get("/readyz")).json()) == expected


async def test_without_a_broker_files_are_taken_and_published_later(
    keys: Keys, postgres: PrivateDatabase, broker: Broker
) -> None:
    heard = await broker.listener("files.*")
    async with proxy_to(broker.url) as (proxy, amqp_url):
        await proxy.cut()
        app = make("files", keys, database_url=postgres.url("files"), amqp_url=amqp_url)
        async with running(app) as client:
            headers, name = as_user(keys, uuid4()), {"name": "main.py"}
            answer = await client.post("/internal/files", params=name, headers=headers)
            assert answer.status_code == 201
            readiness = await client.get("/readyz")
            assert (readiness.status_code, readiness.json()["database"]) == (503, "ok")
            await proxy.mend()
            await eventually(partial(_is_ready, client), 20)
            [message] = await eventually(partial(all_of, heard))
            assert message.message_id == answer.json()["event_id"]


async def test_without_a_database_a_service_says_so_and_recovers_by_itself(
    keys: Keys, postgres: PrivateDatabase, broker: Broker
) -> None:
    async with proxy_to(postgres.url("files")) as (proxy, url):
        app = make("files", keys, database_url=url, amqp_url=broker.url)
        async with running(app) as client:
            await eventually(partial(_is_ready, client))
            await proxy.cut()
            headers, path = as_user(keys, uuid4()), f"/internal/files/{uuid4()}/content"
            answer = await client.get(path, headers=headers)
            assert is_problem(answer, 503, "database_unavailable")
            assert answer.headers["retry-after"] == "5"
            assert (await client.get("/readyz")).json()["database"] == "database_unavailable"
            assert (await client.get("/healthz")).status_code == 200
            await proxy.mend()
            await eventually(partial(_is_ready, client), 20)
            assert is_problem(await client.get(path, headers=headers), 404, "not_found")


async def test_stopping_leaves_no_connection_behind(
    keys: Keys, fresh_postgres: PrivateDatabase, broker: Broker
) -> None:
    for service in ("files", "reports"):
        app = make(service, keys, database_url=fresh_postgres.url(service), amqp_url=broker.url)
        async with running(app) as client:
            await eventually(partial(_is_ready, client))
            await asyncio.gather(*(client.get("/readyz") for _ in range(10)))
    admin = await fresh_postgres.admin()

    async def nobody_is_left() -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        return bool(await admin.fetchval(query) == 1)

    await eventually(nobody_is_left)
    await admin.close()
