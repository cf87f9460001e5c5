"""Note every event, then bring the read tables along. Who was erased leaves no trace in them."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from services.reports.projections import PROJECTIONS
from shared.contracts.auth import UserErased
from shared.eventsourcing.erasure import is_erased
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import take_append_lock


async def react(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await take_append_lock(connection)  # an erasure comes wholly before this event or after it
    user_id = journal.person(recorded)
    if isinstance(recorded.event, UserErased):
        await journal.forget(connection, recorded.event.user_id)
    elif user_id is not None and await is_erased(connection, user_id):
        await journal.note(connection, journal.masked(recorded))
        return
    await journal.note(connection, recorded)
    for projection in PROJECTIONS:
        await projection.apply(connection, recorded)
