"""Work that grows with a person's data, in bounded steps between which others can write."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.deletion import AT_ONCE, delete_some
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import take_append_lock

_WHOSE = "user_id = :user_id"
TURN = 1.0  # seconds, after which the caller has something else to do
REST = 0.01  # seconds between two steps; who waits for the append lock gets it anyway

Step = Callable[[AsyncConnection], Awaitable[bool]]
"""Does a part of bounded size, under the append lock; False when nothing was left to do.

It can be done again at any time, and goes on where the last one ended.
"""

Prepare = Callable[[Database, RecordedEvent], Awaitable[bool]]
"""What goes before the transaction of an event; False when there is more than one turn's work."""


async def in_steps(database: Database, steps: Sequence[Step], seconds: float = TURN) -> bool:
    """Do each step until nothing is left for it, each time in a transaction of its own.

    At least one; False when there was no time for all.
    """
    end = time.monotonic() + seconds
    for step in steps:
        while await _did(database, step):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(REST)
    return True


async def at_once(connection: AsyncConnection, steps: Sequence[Step]) -> None:
    """Do all that is left in the transaction of the caller, who thus keeps everybody out."""
    await take_append_lock(connection)
    for step in steps:
        while await step(connection):
            pass


def preparing(steps_of: Callable[[RecordedEvent], Sequence[Step]]) -> Prepare:
    """The steps before the transaction in which the same steps find nothing left."""

    async def prepare(database: Database, recorded: RecordedEvent) -> bool:
        return await in_steps(database, steps_of(recorded))

    return prepare


def deleting(table: str, user_id: UUID, most: int = AT_ONCE) -> Step:
    """The step that deletes a person's rows; `table` has an index for that."""
    return partial(_delete, table=table, user_id=user_id, most=most)


async def _delete(connection: AsyncConnection, *, table: str, user_id: UUID, most: int) -> bool:
    whose = {"user_id": user_id}
    await delete_some(connection, table, _WHOSE, whose, most)
    return bool(await connection.scalar(text(any_left(table)), whose))


def any_left(table: str) -> str:
    return f"SELECT EXISTS (SELECT FROM {table} WHERE {_WHOSE})"  # noqa: S608


async def _did(database: Database, step: Step) -> bool:
    async with database.transaction() as connection:
        await take_append_lock(connection)
        return await step(connection)
