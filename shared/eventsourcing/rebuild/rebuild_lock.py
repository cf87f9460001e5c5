"""The lock of a rebuild: one at a time per schema, for all use the same schema of shadow tables."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database

RETRY_INTERVAL = 0.5  # seconds

_TRY_LOCK = text("""
SELECT pg_try_advisory_lock(hashtextextended(:key, 0))
""")


@asynccontextmanager
async def rebuild_lock(
    database: Database, schema: str, report: Callable[[str], object]
) -> AsyncIterator[AsyncConnection]:
    """The connection to rebuild on, which holds the lock: it can't be lost without the work.

    Trying again, instead of waiting in a statement, keeps no snapshot.
    """
    connection = await database.connect()
    key = {"key": f"{schema}/rebuild"}
    reported = False
    try:
        while not await connection.scalar(_TRY_LOCK, key):
            await connection.commit()
            if not reported:
                report("waits for another rebuild")
                reported = True
            await asyncio.sleep(RETRY_INTERVAL)
        await connection.commit()
        yield connection
    finally:
        await connection.invalidate()  # the lock ends with its connection
        await connection.close()
