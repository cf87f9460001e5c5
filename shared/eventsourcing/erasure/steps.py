"""Work that grows with a person's data, in bounded steps between which others can write."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.event import RecordedEvent

TIME_SLICE = 1.0  # seconds, after which the caller has something else to do
PAUSE = 0.01  # seconds between two steps; who waits for the append lock gets it anyway

Step = Callable[[AsyncConnection], Awaitable[bool]]
"""Does a part of bounded size, under the append lock; False when nothing was left to do.

It can be repeated at any time, and goes on where the last one ended.
"""

Prepare = Callable[[Database, RecordedEvent], Awaitable[bool]]
"""What goes before the transaction of an event; False when a time slice did not suffice."""


async def run_steps(database: Database, steps: Sequence[Step], seconds: float = TIME_SLICE) -> bool:
    """Repeat each step until nothing is left for it, each time in a transaction of its own.

    At least one; False when there was no time for all.
    """
    end = time.monotonic() + seconds
    for step in steps:
        while await _run(database, step):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(PAUSE)
    return True


async def run_steps_in(connection: AsyncConnection, steps: Sequence[Step]) -> None:
    """Do all that is left in the transaction of the caller, under the append lock."""
    await take_append_lock(connection)
    for step in steps:
        while await step(connection):
            pass


def preparing(steps_of: Callable[[RecordedEvent], Sequence[Step]]) -> Prepare:
    """Runs the steps before the transaction, in which the same steps find nothing left."""

    async def prepare(database: Database, recorded: RecordedEvent) -> bool:
        return await run_steps(database, steps_of(recorded))

    return prepare


async def _run(database: Database, step: Step) -> bool:
    async with database.transaction() as connection:
        await take_append_lock(connection)
        return await step(connection)
