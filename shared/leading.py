"""Which copy of a service catches up: one at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from shared.db import Database, telling_away
from shared.keepalive import end_when_silent

SILENCE = 60.0  # seconds after which Postgres takes the lock from a copy that is frozen

_KEY = "hashtextextended(current_schema() || '/catching up', 0)"
_LEAD = f"SELECT pg_try_advisory_lock({_KEY})"
_END = (f"SELECT pg_advisory_unlock({_KEY})", "RESET idle_session_timeout")


@asynccontextmanager
async def leading(database: Database) -> AsyncIterator[bool]:
    """Whether this copy is the one that catches up, as long as the block lasts."""
    connection = await database.connect()
    try:
        with telling_away():
            leads = bool(await connection.scalar(text(_LEAD)))
            if leads:
                await end_when_silent(connection, SILENCE)
            await connection.commit()  # a transaction left alone would be ended
        yield leads
        if leads:
            with telling_away():
                for statement in _END:
                    await connection.execute(text(statement))
                await connection.commit()
    except BaseException:
        await connection.invalidate()  # the lock must not live on in the pool
        raise
    finally:
        await connection.close()
