"""Deleting a bounded number of rows at a time, so that no statement and no lock takes long."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

AT_ONCE = 500  # rows


async def delete_some(
    connection: AsyncConnection,
    table: str,
    condition: str,
    values: dict[str, Any],
    most: int = AT_ONCE,
) -> int:
    """Delete at most so many rows of which the condition is true; how many.

    `table` and `condition` are our own SQL. A row that changes meanwhile is left for the next time.
    """
    statement = text(deletion(table, condition))
    return (await connection.execute(statement, {**values, "most": most})).rowcount


def deletion(table: str, condition: str) -> str:
    return (
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY("  # noqa: S608
        f"SELECT ctid FROM {table} WHERE {condition} LIMIT :most))"
    )
