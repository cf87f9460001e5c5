"""Forgetting a person: the row and everything below it goes, and all services are told."""

from functools import partial

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.accounts import Person
from services.auth.commands.reauthentication import lock_reauthenticated
from services.auth.domain.account import ACCOUNT, erase, stream
from services.auth.erasing import begin
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.web.identity import User


async def erase_account(
    connection: AsyncConnection, store: EventStore, *, user: User, proven: Person
) -> None:
    """Sessions, tokens, links, devices and the log go with the row; the address is free again."""
    await lock_reauthenticated(connection, user, proven)
    # First the row, then the append lock: everybody takes them in this order.
    await connection.execute(
        text("DELETE FROM users WHERE user_id = :user_id"), {"user_id": user.user_id}
    )
    decide = partial(erase, user_id=user.user_id)
    await execute(connection, store, ACCOUNT, stream(user.user_id), decide)
    await begin(connection, store.types, user.user_id)
