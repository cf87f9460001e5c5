"""Deletes a bounded number of rows at a time, so that no statement and no lock takes long."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

BATCH_ROWS = 500


async def delete_batch(
    connection: AsyncConnection,
    table: str,
    condition: str,
    values: dict[str, Any],
    limit: int = BATCH_ROWS,
) -> int:
    """Delete at most `limit` rows for which the condition holds; return how many.

    `table` and `condition` are our own SQL. A row that changes meanwhile is left for the next time.
    """
    statement = text(batch_deletion(table, condition))
    return (await connection.execute(statement, {**values, "limit": limit})).rowcount


def batch_deletion(table: str, condition: str) -> str:
    return (
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY("  # noqa: S608
        f"SELECT ctid FROM {table} WHERE {condition} LIMIT :limit))"
    )
