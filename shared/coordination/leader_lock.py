"""Leader election for catching up: one copy of a service does it at a time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database, translate_connection_errors
from shared.db.keepalive import set_idle_session_timeout

# Seconds after which Postgres takes the lock from a leader that is frozen.
IDLE_SESSION_TIMEOUT = 20.0

_TRY_TO_LEAD = text("""
SELECT pg_try_advisory_lock(hashtextextended(current_schema() || '/catching up', 0))
""")

_STEP_DOWN = text("""
SELECT pg_advisory_unlock(hashtextextended(current_schema() || '/catching up', 0))
""")

_RESET_TIMEOUT = text("""
SET idle_session_timeout TO DEFAULT
""")

_KEEP_SESSION = text("""
SELECT 1
""")

Work = Callable[[], Coroutine[Any, Any, bool]]


async def run_as_leader(
    database: Database, work: Work, idle_session_timeout: float = IDLE_SESSION_TIMEOUT
) -> bool:
    """What the work returns; False, and no work, while another copy leads.

    Raises:
        DatabaseUnavailable: the lead is lost, so the work was given up.
    """
    connection = await database.connect()
    try:
        with translate_connection_errors():
            leads = await _try_to_lead(connection, idle_session_timeout)
        worked = leads and await _work_and_keep_session(connection, work, idle_session_timeout / 4)
        if leads:
            with translate_connection_errors():
                await _step_down(connection)
    except BaseException:
        await connection.invalidate()  # the lock must not live on in the pool
        raise
    finally:
        await connection.close()
    return worked


async def _try_to_lead(connection: AsyncConnection, idle_session_timeout: float) -> bool:
    leads = bool(await connection.scalar(_TRY_TO_LEAD))
    if leads:
        await set_idle_session_timeout(connection, idle_session_timeout)
    await connection.commit()  # Postgres would end a transaction that idles
    return leads


async def _step_down(connection: AsyncConnection) -> None:
    await connection.execute(_STEP_DOWN)
    await connection.execute(_RESET_TIMEOUT)
    await connection.commit()


async def _work_and_keep_session(connection: AsyncConnection, work: Work, interval: float) -> bool:
    """Use the session every `interval` seconds meanwhile, for the work may take long."""
    working = asyncio.create_task(work())
    try:
        while not await _is_done(working, interval):
            with translate_connection_errors():
                await connection.execute(_KEEP_SESSION)
                await connection.commit()
        return working.result()
    finally:
        working.cancel()
        await asyncio.wait([working])


async def _is_done(working: asyncio.Task[bool], seconds: float) -> bool:
    """Whether the work is done, waited for so long."""
    return bool((await asyncio.wait([working], timeout=seconds))[0])
