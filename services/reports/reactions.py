"""Note every event, then bring the read tables along. Who was erased leaves no trace in them."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from services.reports.projections import PROJECTIONS
from services.reports.projections.common import facts, forgetting_in
from shared.contracts.auth import UserErased
from shared.eventsourcing.erasure import erasing, is_erased
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.steps import Prepare, Step, at_once, preparing


async def react(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await take_append_lock(connection)  # an erasure comes wholly before this event or after it
    user_id = journal.person(recorded)
    if isinstance(recorded.event, UserErased):
        await at_once(connection, _forgetting(recorded))
    elif user_id is not None and await is_erased(connection, user_id):
        await journal.note(connection, journal.masked(recorded))
        return
    await journal.note(connection, recorded)
    for projection in PROJECTIONS:
        await projection.apply(connection, recorded)


def _forgetting(recorded: RecordedEvent) -> Sequence[Step]:
    user_id = facts(recorded)["user_id"]
    tables = [table for projection in PROJECTIONS for table in projection.tables]
    rows = [forgetting_in(table, user_id) for table in tables]
    return [erasing(user_id), *rows, journal.masking(user_id)]


PREPARE: Mapping[type[Event], Prepare] = {UserErased: preparing(_forgetting)}
