"""Note every event, then bring the read tables along. Who was erased leaves no trace in them."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from services.reports.projections import PROJECTIONS
from services.reports.projections.common import facts, forgetting_in
from shared.contracts.auth import UserErased
from shared.eventsourcing.erasure import erased_among, erasing
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.steps import Prepare, Step, at_once, preparing


async def react(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await take_append_lock(connection)  # an erasure comes wholly before these events or after them
    for recorded in events:
        if isinstance(recorded.event, UserErased):
            await at_once(connection, _forgetting(recorded))
    erased = await erased_among(connection, journal.people_in(events))
    told = [recorded for recorded in events if _is_told(recorded, erased)]
    kept = [one if _is_told(one, erased) else journal.masked(one) for one in events]
    await journal.note(connection, kept)
    for projection in PROJECTIONS:
        await projection.apply(connection, told)


def _is_told(recorded: RecordedEvent, erased: Collection[UUID]) -> bool:
    """Not what comes late about somebody who is erased; of the erasure everybody hears."""
    return isinstance(recorded.event, UserErased) or journal.person(recorded) not in erased


def _forgetting(recorded: RecordedEvent) -> Sequence[Step]:
    user_id = facts(recorded)["user_id"]
    tables = [table for projection in PROJECTIONS for table in projection.tables]
    rows = [forgetting_in(table, user_id) for table in tables]
    return [erasing(user_id), *rows, journal.masking(user_id)]


PREPARE: Mapping[type[Event], Prepare] = {UserErased: preparing(_forgetting)}
