"""Mails that anybody can have sent to the owner of an address, who may be nobody."""

from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import account_mails, accounts, throttle
from services.auth.limits import Limits
from services.auth.throttle import TooManyAttempts
from shared.eventsourcing.store import EventStore


async def write_to_owner(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    kind: Literal["already_registered", "reset_password"],
    email: str,
    now: datetime,
) -> None:
    """Not more often than is helpful; whoever asks learns nothing either way."""
    user_id = await accounts.owner(connection, email)
    if user_id is None:
        return
    try:
        await throttle.enter(connection, limits.unasked(user_id), now)
    except TooManyAttempts:
        return
    await account_mails.request(connection, store, user_id, kind, email, now)
