"""Deletes a person's rows of a table."""

from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.bounded_deletion import BATCH_ROWS, delete_batch
from shared.eventsourcing.erasure.steps import Step

_OF_PERSON = "user_id = :user_id"


def deleting(table: str, user_id: UUID, limit: int = BATCH_ROWS) -> Step:
    """The step that deletes a person's next rows; `table` has an index for that."""
    return partial(_delete, table=table, user_id=user_id, limit=limit)


async def _delete(connection: AsyncConnection, *, table: str, user_id: UUID, limit: int) -> bool:
    values = {"user_id": user_id}
    await delete_batch(connection, table, _OF_PERSON, values, limit)
    return bool(await connection.scalar(text(any_left_query(table)), values))


def any_left_query(table: str) -> str:
    return f"SELECT EXISTS (SELECT FROM {table} WHERE {_OF_PERSON})"  # noqa: S608
