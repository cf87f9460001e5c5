"""What a read model looks like after a story, in a transaction that leaves nothing behind."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.eventsourcing.event import RecordedEvent

Tables = dict[str, list[dict[str, Any]]]
React = Callable[[AsyncConnection, RecordedEvent], Awaitable[None]]


class _UndoneError(Exception):
    """Rolls the transaction back."""


async def after(
    database: Database, tables: Sequence[str], react: React, story: Sequence[RecordedEvent]
) -> Tables:
    found: Tables = {}
    try:
        async with database.transaction() as connection:
            for recorded in story:
                await react(connection, recorded)
            found = await rows_of(connection, tables)
            raise _UndoneError  # noqa: TRY301 - the way to roll back
    except _UndoneError:
        return found


async def rows_of(connection: AsyncConnection, tables: Sequence[str]) -> Tables:
    found: Tables = {}
    for table in tables:
        rows = await connection.execute(text(f"SELECT * FROM {table} AS t ORDER BY t::text"))
        found[table] = [dict(row) for row in rows.mappings()]
    return found
