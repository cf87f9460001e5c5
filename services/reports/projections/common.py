"""What the projections have in common."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Handler
from shared.eventsourcing.steps import deleting

AT_ONCE = 100  # rows, some of which hold a megabyte of findings


def facts(recorded: RecordedEvent) -> dict[str, Any]:
    """The values of a statement: the event's own, its place in its stream, its time."""
    more = {"sequence": recorded.version, "recorded_at": recorded.recorded_at}
    return {**vars(recorded.event), **more}


def forget_in(table: str) -> Handler:
    """What a rebuild that began before somebody's erasure has read of them goes again."""

    async def forget(connection: AsyncConnection, recorded: RecordedEvent) -> None:
        step = deleting(table, facts(recorded)["user_id"], AT_ONCE)
        while await step(connection):
            pass

    return forget
