"""Shadow tables: a second set of a projection's tables, which takes the place of the first."""

import re
from collections.abc import Iterable, Sequence

from asyncpg import exceptions as pg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection


async def create(
    connection: AsyncConnection, schema: str, shadow: str, tables: Iterable[str]
) -> None:
    """Create empty tables like those of `schema` in the schema `shadow`."""
    await run(connection, f"DROP SCHEMA IF EXISTS {shadow} CASCADE", f"CREATE SCHEMA {shadow}")
    for table in map(checked_name, tables):
        await run(
            connection,
            f"CREATE TABLE {shadow}.{table}"
            f" (LIKE {schema}.{table} INCLUDING ALL EXCLUDING INDEXES)",
            *await _indexes(connection, schema, shadow, table),
        )


# LIKE would give indexes names of its own, and a later migration would not find them.
_INDEXES = text("""
SELECT quote_ident(c.conname) AS name, pg_get_constraintdef(c.oid) AS of_constraint,
       pg_get_indexdef(i.indexrelid) AS of_index
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
WHERE i.indrelid = CAST(:table AS regclass) ORDER BY i.indexrelid
""")

_USERS = text("""
SELECT DISTINCT pid FROM pg_locks WHERE pid <> pg_backend_pid() AND granted
AND relation = ANY(CAST(CAST(:tables AS text[]) AS regclass[]))
""")


async def _indexes(connection: AsyncConnection, schema: str, shadow: str, table: str) -> list[str]:
    """The statements that give the shadow of a table its indexes and keys under their names."""
    rows = await connection.execute(_INDEXES, {"table": f"{schema}.{table}"})
    return [
        f"ALTER TABLE {shadow}.{table} ADD CONSTRAINT {row.name} {row.of_constraint}"
        if row.name
        else row.of_index.replace(f" ON {schema}.{table} ", f" ON {shadow}.{table} ", 1)
        for row in rows
    ]


async def swap(
    connection: AsyncConnection, schema: str, shadow: str, tables: Iterable[str]
) -> None:
    """Drop the serving tables, and put the shadow tables in their place."""
    role = f"prereview_{schema}"
    for table in map(checked_name, tables):
        await run(
            connection,
            f"DROP TABLE {schema}.{table}",
            f"ALTER TABLE {shadow}.{table} SET SCHEMA {schema}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.{table} TO {role}",
        )
    await run(connection, f"DROP SCHEMA {shadow}")


async def lock(connection: AsyncConnection, tables: Sequence[str], timeout: float) -> bool:  # noqa: ASYNC109
    """Lock the tables for the transaction; False when that takes longer than `timeout` seconds.

    After False the transaction can only be rolled back.
    """
    try:
        await run(
            connection,
            f"SET LOCAL lock_timeout = {1000 * timeout:.0f}",
            f"LOCK TABLE {', '.join(tables)}",
        )
    except DBAPIError as error:
        cause = error.orig.__cause__ if error.orig is not None else None
        if isinstance(cause, pg.LockNotAvailableError | pg.DeadlockDetectedError):
            return False
        raise
    return True


async def users(connection: AsyncConnection, tables: Sequence[str]) -> Sequence[int]:
    """The server processes whose transactions use the tables at the moment."""
    return (await connection.scalars(_USERS, {"tables": list(tables)})).all()


def names(schema: str, tables: Iterable[str]) -> list[str]:
    return [f"{checked_name(schema)}.{table}" for table in map(checked_name, tables)]


async def run(connection: AsyncConnection, *statements: str) -> None:
    for statement in statements:
        await connection.execute(text(statement))


def checked_name(name: str) -> str:
    if not re.fullmatch("[a-z_]+", name):
        raise ValueError(f"not the name of a table or schema: {name!r}")
    return name
