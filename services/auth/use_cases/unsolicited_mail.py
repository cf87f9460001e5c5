"""Mails that anybody can have sent to an e-mail address, which may have no account."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.credentials import EmailAddress
from services.auth.tables import users
from services.auth.use_cases import account_mails, throttling
from services.auth.use_cases.dependencies import Dependencies
from shared.contracts.auth import AccountMailKind

RESPONSE_SECONDS = 0.25  # longer than the work takes, so that the time reveals nothing


@asynccontextmanager
async def constant_time() -> AsyncIterator[None]:
    """Take the same time whether or not a mail is requested."""
    started = time.monotonic()
    yield
    await asyncio.sleep(started + RESPONSE_SECONDS - time.monotonic())


async def request_mail(
    connection: AsyncConnection,
    deps: Dependencies,
    user_id: UUID,
    kind: AccountMailKind,
    address: EmailAddress,
    now: datetime,
) -> None:
    """Unless the address has had too many such mails; the caller does not learn that."""
    limits = deps.limits.unsolicited_mails(kind, address.email)
    if await throttling.try_acquire(connection, limits, now):
        await account_mails.request(connection, deps, user_id, kind, address, now)


async def request_mail_to_owner(
    connection: AsyncConnection,
    deps: Dependencies,
    kind: Literal["already_registered", "log_in", "reset_password"],
    email: str,
    now: datetime,
    *,
    confirmed: bool = False,
) -> None:
    """Like `request_mail`, to the account with this address, if there is one.

    With `confirmed`, only if its owner has proven that the address is theirs.
    """
    owner = await users.find_owner(connection, email, confirmed=confirmed)
    if owner is not None:
        await request_mail(connection, deps, owner.user_id, kind, owner.address, now)
