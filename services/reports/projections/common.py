"""What the projections share."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.bounded_deletion import BATCH_ROWS
from shared.eventsourcing.erasure.row_deletion import deleting
from shared.eventsourcing.erasure.steps import Step
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Handler

CHECKS_AT_ONCE = 25  # rows, some of which have megabytes of findings


def values_of(recorded: RecordedEvent) -> dict[str, Any]:
    """The values of a statement: the event's fields, its version in the stream, its time."""
    more = {"sequence": recorded.version, "recorded_at": recorded.recorded_at}
    return {**vars(recorded.event), **more}


def erasure_step(table: str, user_id: UUID) -> Step:
    """The step that deletes a user's rows of a read table."""
    return deleting(table, user_id, CHECKS_AT_ONCE if table == "checks" else BATCH_ROWS)


def erase_rows(table: str) -> Handler:
    """The handler that deletes what a rebuild inserted before a user was erased."""

    async def erase(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
        for recorded in events:
            step = erasure_step(table, values_of(recorded)["user_id"])
            while await step(connection):
                pass

    return erase
