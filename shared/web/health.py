"""`/healthz`: the process runs. `/readyz`: its dependencies work. `/metrics`: Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import Response
from fastapi.responses import JSONResponse
from sqlalchemy import text

from shared.db import Database, DatabaseRefusesWrites
from shared.errors import Unavailable
from shared.messaging.connection import BrokerRefuses, BrokerUnavailable
from shared.messaging.outbox import set_aside
from shared.messaging.outbox.set_aside import EventsSetAside
from shared.migrations import has_its_tables
from shared.web.metrics import Metrics
from shared.web.routes import Router

Check = Callable[[], Awaitable[None]]
"""Raises if the dependency does not work."""
# Codes that leave the service ready: publishing is delayed, only reads work, or an operator has to
# look at an event.
SERVING = {"ok", BrokerRefuses.code, DatabaseRefusesWrites.code, EventsSetAside.code}


def router(checks: Mapping[str, Check], metrics: Metrics) -> Router:
    routes = Router(include_in_schema=False)

    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz")
    async def readyz() -> JSONResponse:
        states = dict(zip(checks, await asyncio.gather(*map(_state, checks.values())), strict=True))
        ready = all(state in SERVING for state in states.values())
        return JSONResponse(states, 200 if ready else 503)

    @routes.get("/metrics")
    async def figures() -> Response:
        await metrics.measure()
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return routes


async def _state(check: Check) -> str:
    try:
        async with asyncio.timeout(5):
            await check()
    except Unavailable as error:
        return error.code
    except Exception:  # noqa: BLE001 - any failure
        return "failed"
    return "ok"


def database_check(database: Database, service: str) -> Check:
    """The database answers, is migrated for this code, and accepts writes."""

    async def check() -> None:
        async with database.transaction() as connection:
            if not await has_its_tables(connection, service):
                raise MigrationsPending
            if await connection.scalar(text("SHOW transaction_read_only")) == "on":
                raise DatabaseRefusesWrites

    return check


class MigrationsPending(Unavailable):
    code = "migrations_pending"


def outbox_check(database: Database) -> Check:
    """No event was set aside because it could not be published."""

    async def check() -> None:
        async with database.transaction() as connection:
            if await set_aside.has_any(connection):
                raise EventsSetAside

    return check


async def _never() -> bool:
    return False


def _none() -> None:
    return None


def broker_check(
    is_open: Callable[[], bool],
    is_blocked: Callable[[], Awaitable[bool]] = _never,
    trouble: Callable[[], Exception | None] = _none,
) -> Check:
    """The connection to the broker is open; `trouble` returns another reason for a failure."""

    async def check() -> None:
        if await is_blocked():
            raise BrokerRefuses
        if (found := trouble()) is not None:
            raise found.with_traceback(None)
        if not is_open():
            raise BrokerUnavailable

    return check
