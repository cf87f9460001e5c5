"""Which copy of a service catches up: one at a time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database, translate_connection_errors
from shared.keepalive import end_when_silent

SILENCE = 20.0  # seconds after which Postgres takes the lock from a copy that is frozen

_KEY = "hashtextextended(current_schema() || '/catching up', 0)"
_LEAD = f"SELECT pg_try_advisory_lock({_KEY})"
_END = (f"SELECT pg_advisory_unlock({_KEY})", "RESET idle_session_timeout")


async def while_leading(database: Database, work: Callable[[], Coroutine[Any, Any, bool]]) -> bool:
    """What the work answers; False, and no work, while another copy does it.

    Raises:
        DatabaseAway: the lead is lost, so the work was given up.
    """
    connection = await database.connect()
    try:
        with translate_connection_errors():
            leads = await _take(connection)
        answer = leads and await _keeping(connection, work)
        if leads:
            with translate_connection_errors():
                await _say(connection, *_END)
    except BaseException:
        await connection.invalidate()  # the lock must not live on in the pool
        raise
    finally:
        await connection.close()
    return answer


async def _take(connection: AsyncConnection) -> bool:
    leads = bool(await connection.scalar(text(_LEAD)))
    if leads:
        await end_when_silent(connection, SILENCE)
    await connection.commit()  # a transaction left alone would be ended
    return leads


async def _keeping(
    connection: AsyncConnection, work: Callable[[], Coroutine[Any, Any, bool]]
) -> bool:
    """Speak on the session meanwhile, for a page may take long."""
    working = asyncio.create_task(work())
    try:
        while not await _is_done(working):
            with translate_connection_errors():
                await _say(connection, "SELECT 1")
        return working.result()
    finally:
        working.cancel()
        await asyncio.wait([working])


async def _is_done(working: asyncio.Task[bool]) -> bool:
    """Whether the work is done after a part of the silence that Postgres allows."""
    return bool((await asyncio.wait([working], timeout=SILENCE / 4))[0])


async def _say(connection: AsyncConnection, *statements: str) -> None:
    for statement in statements:
        await connection.execute(text(statement))
    await connection.commit()
