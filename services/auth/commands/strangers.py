"""Mails that anybody can have sent to an address, which may be nobody's or a stranger's."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import account_mails, accounts, throttle
from services.auth.credentials import EmailAddress
from services.auth.limits import Limits
from shared.contracts.auth import AccountMailKind
from shared.eventsourcing.store import EventStore


async def write_to(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    user_id: UUID,
    kind: AccountMailKind,
    address: EmailAddress,
    now: datetime,
) -> None:
    """Not more often than is helpful; whoever asks learns nothing either way."""
    if await throttle.allows(connection, limits.mail_to(kind, address.email), now):
        await account_mails.request(connection, store, user_id, kind, address, now)


async def write_to_owner(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    kind: Literal["already_registered", "reset_password"],
    email: str,
    now: datetime,
) -> None:
    """Like `write_to`, if somebody has this address, as its owner has typed it."""
    owner = await accounts.owner(connection, email)
    if owner is not None:
        await write_to(connection, store, limits, owner.user_id, kind, owner.address, now)
