"""Record every event in the journal, then update the read tables; erase users."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from services.reports.projections import PROJECTIONS
from services.reports.projections.common import erasure_step, values_of
from shared.contracts.auth import UserErased
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.erasure.erased_users import erased_among, marking_erased
from shared.eventsourcing.erasure.steps import Prepare, Step, preparing, run_steps_in
from shared.eventsourcing.event import Event, RecordedEvent


async def react(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await take_append_lock(connection)  # so that an erasure comes before these events or after them
    for recorded in events:
        if isinstance(recorded.event, UserErased):
            await run_steps_in(connection, _erasure_steps(recorded))
    erased = await erased_among(connection, journal.users_in(events))
    visible = [recorded for recorded in events if _is_visible(recorded, erased)]
    kept = [one if _is_visible(one, erased) else journal.masked(one) for one in events]
    await journal.record(connection, kept)
    for projection in PROJECTIONS:
        await projection.apply(connection, visible)


def _is_visible(recorded: RecordedEvent, erased: Collection[UUID]) -> bool:
    """Whether projections see it: not what comes late about an erased user, but the erasure."""
    return isinstance(recorded.event, UserErased) or journal.user_of(recorded) not in erased


def _erasure_steps(recorded: RecordedEvent) -> Sequence[Step]:
    user_id = values_of(recorded)["user_id"]
    tables = [table for projection in PROJECTIONS for table in projection.tables]
    rows = [erasure_step(table, user_id) for table in tables]
    return [marking_erased(user_id), *rows, journal.masking(user_id)]


PREPARE: Mapping[type[Event], Prepare] = {UserErased: preparing(_erasure_steps)}
