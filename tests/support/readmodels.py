"""What a read model looks like after a story, in a transaction that leaves nothing behind."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.eventsourcing.event import RecordedEvent
from shared.messaging.reactions import React

Tables = dict[str, list[dict[str, Any]]]


class _UndoneError(Exception):
    """Rolls the transaction back."""


async def after(
    database: Database,
    tables: Sequence[str],
    react: React,
    batches: Sequence[Sequence[RecordedEvent]],
) -> Tables:
    found: Tables = {}
    try:
        async with database.transaction() as connection:
            for batch in batches:
                await react(connection, batch)
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
