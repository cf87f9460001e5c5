"""Read tables that follow events, and their rebuilding while they serve."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.eventsourcing.event import Event, RecordedEvent

Handler = Callable[[AsyncConnection, Any], Awaitable[None]]
"""`async (connection, recorded event)`; the recorded event's `event` is of the type it stands for.

Handlers name their tables without a schema: a rebuild points the search path at the shadow.
"""

History = Callable[[AsyncConnection, int], AsyncIterator[RecordedEvent]]
"""`(connection, after position) → events` in position order."""


@dataclass(frozen=True)
class Projection:
    """Tables that are a function of events alone."""

    name: str
    tables: tuple[str, ...]
    handlers: Mapping[type[Event], Handler]

    async def apply(self, connection: AsyncConnection, recorded: RecordedEvent) -> None:
        handler = self.handlers.get(type(recorded.event))
        if handler is not None:
            await handler(connection, recorded)


APPEND_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(:schema || '/append', 0))"


async def take_append_lock(connection: AsyncConnection, schema: str | None = None) -> None:
    """Wait for the schema's only writer to finish; held until the end of the transaction."""
    if schema is None:
        schema = (await connection.execute(text("SELECT current_schema()"))).scalar_one()
    await connection.execute(text(APPEND_LOCK), {"schema": schema})


async def rebuild(database: Database, schema: str, projection: Projection, history: History) -> int:
    """Build the projection anew beside the serving one and swap them; return the events read.

    `database` connects as the schema's owner. Readers see the old rows until the swap and the new
    ones after it; writers wait only while the tail is applied.
    """
    shadow = f"{_name(schema)}_rebuild"
    async with _alone(database, schema):
        async with database.transaction() as connection:
            await _lay_shadow(connection, schema, shadow, projection.tables)
            last, count = await _play(connection, projection, history, 0)
            await _run(connection, *(f"ANALYZE {shadow}.{table}" for table in projection.tables))
        async with database.transaction() as connection:
            await take_append_lock(connection, schema)
            await _use(connection, shadow, schema)
            _, tail = await _play(connection, projection, history, last)
            await _swap(connection, schema, shadow, projection.tables)
    return count + tail


@asynccontextmanager
async def _alone(database: Database, schema: str) -> AsyncIterator[None]:
    """One rebuild at a time per schema: they share the place of the shadow."""
    connection = await database.connect()
    key = {"key": f"{schema}/rebuild"}
    try:
        await connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:key, 0))"), key)
        await connection.commit()
        yield
    finally:
        await connection.invalidate()  # the lock ends with its connection
        await connection.close()


async def _play(
    connection: AsyncConnection, projection: Projection, history: History, after: int
) -> tuple[int, int]:
    last, count = after, 0
    async for recorded in history(connection, after):
        await projection.apply(connection, recorded)
        last, count = recorded.position, count + 1
    return last, count


async def _lay_shadow(
    connection: AsyncConnection, schema: str, shadow: str, tables: Iterable[str]
) -> None:
    await _run(connection, f"DROP SCHEMA IF EXISTS {shadow} CASCADE", f"CREATE SCHEMA {shadow}")
    for table in map(_name, tables):
        await _run(
            connection,
            f"CREATE TABLE {shadow}.{table}"
            f" (LIKE {schema}.{table} INCLUDING ALL EXCLUDING INDEXES)",
            *await _indexes(connection, schema, shadow, table),
        )
    await _use(connection, shadow, schema)


# LIKE would give indexes names of its own, and a later migration would not find them.
_INDEXES = """
SELECT quote_ident(c.conname) AS name, pg_get_constraintdef(c.oid) AS of_constraint,
       pg_get_indexdef(i.indexrelid) AS of_index
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
WHERE i.indrelid = CAST(:table AS regclass) ORDER BY i.indexrelid
"""


async def _indexes(connection: AsyncConnection, schema: str, shadow: str, table: str) -> list[str]:
    """The statements that give the shadow of a table its indexes and keys under their names."""
    rows = await connection.execute(text(_INDEXES), {"table": f"{schema}.{table}"})
    return [
        f"ALTER TABLE {shadow}.{table} ADD CONSTRAINT {row.name} {row.of_constraint}"
        if row.name
        else row.of_index.replace(f" ON {schema}.{table} ", f" ON {shadow}.{table} ", 1)
        for row in rows
    ]


async def _swap(
    connection: AsyncConnection, schema: str, shadow: str, tables: Iterable[str]
) -> None:
    role = f"prereview_{schema}"
    for table in map(_name, tables):
        await _run(
            connection,
            f"DROP TABLE {schema}.{table}",
            f"ALTER TABLE {shadow}.{table} SET SCHEMA {schema}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.{table} TO {role}",
        )
    await _run(connection, f"DROP SCHEMA {shadow}")


async def _use(connection: AsyncConnection, *schemas: str) -> None:
    await _run(connection, f"SET LOCAL search_path = {', '.join(schemas)}")


async def _run(connection: AsyncConnection, *statements: str) -> None:
    for statement in statements:
        await connection.execute(text(statement))


def _name(name: str) -> str:
    if not re.fullmatch("[a-z_]+", name):
        raise ValueError(f"not the name of a table or schema: {name!r}")
    return name
