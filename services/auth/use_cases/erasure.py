"""Erases a person: first the row and all that refers to it, then personal fields in events.

All services learn it by an event. A long history is masked in steps, after the answer to the
person, by a loop that goes on after a crash.
"""

from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.account import ACCOUNT, erase, stream
from services.auth.tables import erased_users, users
from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.reauthentication import lock_reauthenticated, reauthenticate
from shared.db import Database
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.erasure.erased_users import mark_erased
from shared.eventsourcing.erasure.masking import masking
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.execute import execute
from shared.web.identity import User

INTERVAL = 60.0  # seconds; a copy that ended may have left something to do


async def erase_account(deps: Dependencies, user: User, password: str, now: datetime) -> None:
    """Sessions, tokens, links, devices and the log go with the row; the address is free again."""
    reauthenticated = await reauthenticate(deps, user, password, now)
    user_id = user.user_id
    async with deps.database.transaction() as connection:
        await lock_reauthenticated(connection, user, reauthenticated)
        # First the row, then the append lock: everybody takes them in this order.
        await users.delete(connection, user_id)
        decide = partial(erase, user_id=user_id)
        await execute(connection, deps.store, ACCOUNT, stream(user_id), decide)
        await begin_masking(connection, deps.store.types, user_id)


async def begin_masking(connection: AsyncConnection, types: EventTypes, user_id: UUID) -> None:
    """Record the erasure and do the first step, which is the only one for most people."""
    await mark_erased(connection, user_id)
    await _mask_next(connection, types, user_id)


class MaskingLoop:
    """Goes on with the erasures that are not complete, one step of each in turn."""

    def __init__(self, database: Database, types: EventTypes) -> None:
        self._database, self._types = database, types

    async def step(self) -> bool:
        """Mask the next events of the person who has waited longest; False when nobody waits."""
        async with self._database.transaction() as connection:
            await take_append_lock(connection)
            user_id = await erased_users.find_next(connection)
            if user_id is not None:
                await _mask_next(connection, self._types, user_id)
        return user_id is not None


async def _mask_next(connection: AsyncConnection, types: EventTypes, user_id: UUID) -> None:
    has_more = await masking(types, user_id)(connection)
    await erased_users.set_waiting(connection, user_id, waits=has_more)
