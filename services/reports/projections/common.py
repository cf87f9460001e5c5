"""What the projections have in common."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.deletion import AT_ONCE
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Handler
from shared.eventsourcing.steps import Step, deleting

CHECKS_AT_ONCE = 25  # some of which hold megabytes of findings


def facts(recorded: RecordedEvent) -> dict[str, Any]:
    """The values of a statement: the event's own, its place in its stream, its time."""
    more = {"sequence": recorded.version, "recorded_at": recorded.recorded_at}
    return {**vars(recorded.event), **more}


def forgetting_in(table: str, user_id: UUID) -> Step:
    """The step that deletes a person's rows of a read table."""
    return deleting(table, user_id, CHECKS_AT_ONCE if table == "checks" else AT_ONCE)


def forget_in(table: str) -> Handler:
    """What a rebuild that began before somebody's erasure has read of them goes again."""

    async def forget(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
        for recorded in events:
            step = forgetting_in(table, facts(recorded)["user_id"])
            while await step(connection):
                pass

    return forget
