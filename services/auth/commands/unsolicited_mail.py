"""Mails that anybody can have sent to an address, which may be nobody's or a stranger's."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import account_mails, accounts, throttle
from services.auth.credentials import EmailAddress
from services.auth.limits import Limits
from shared.contracts.auth import AccountMailKind
from shared.eventsourcing.store import EventStore

ANSWER_SECONDS = 0.25  # longer than the work takes, so that the time tells nothing


@asynccontextmanager
async def steady_time() -> AsyncIterator[None]:
    """Take as long whether a mail is due or not."""
    started = time.monotonic()
    yield
    await asyncio.sleep(started + ANSWER_SECONDS - time.monotonic())


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
    kind: Literal["already_registered", "log_in", "reset_password"],
    email: str,
    now: datetime,
    *,
    confirmed: bool = False,
) -> None:
    """Like `write_to`, if somebody has this address, as its owner has typed it.

    With `confirmed`, only if it has been proven to be theirs.
    """
    owner = await accounts.owner(connection, email, confirmed=confirmed)
    if owner is not None:
        await write_to(connection, store, limits, owner.user_id, kind, owner.address, now)
