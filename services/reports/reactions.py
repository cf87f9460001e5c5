"""Note every event, then bring the read tables along."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from services.reports.projections import PROJECTIONS
from shared.eventsourcing.event import RecordedEvent


async def react(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await journal.note(connection, recorded)
    for projection in PROJECTIONS:
        await projection.apply(connection, recorded)
