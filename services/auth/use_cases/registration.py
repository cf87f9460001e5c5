"""Registers accounts."""

from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.account import ACCOUNT, register, stream
from services.auth.domain.client_info import ClientInfo
from services.auth.domain.credentials import check_email, check_password
from services.auth.domain.secret_tokens import digest
from services.auth.tables import security_log, users
from services.auth.tables.users import NewUser
from services.auth.use_cases import account_mails, throttling
from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.unsolicited_mail import request_mail_to_owner
from shared.contracts.auth import Language
from shared.eventsourcing.execute import execute
from shared.ids import new_id


async def register_user(
    deps: Dependencies,
    *,
    email: str,
    password: str,
    language: Language,
    client_info: ClientInfo,
    cookie: str,
    now: datetime,
) -> None:
    """Make an account, or notify the owner of the address; the caller can't learn which.

    `cookie` is the secret that identifies the browser when it opens the link in the mail.
    """
    address, network = check_email(email), client_info.widest_network
    check_password(password)
    async with deps.database.transaction() as connection:
        await throttling.acquire(connection, deps.limits.all_registrations(client_info), now)
    await deps.meter.check(password, address.email, network)
    password_hash = await deps.hasher.hash(password, network)
    registration_hash = digest(cookie) if cookie else None
    user = NewUser(new_id(), *address, password_hash, language, registration_hash)
    async with deps.database.transaction() as connection:
        await _create(connection, deps, user, client_info, now)


async def _create(
    connection: AsyncConnection,
    deps: Dependencies,
    user: NewUser,
    client_info: ClientInfo,
    now: datetime,
) -> None:
    user_id, email = user.user_id, user.email
    if not await users.insert(connection, user, now):
        await request_mail_to_owner(connection, deps, "already_registered", email, now)
        return
    await security_log.insert(connection, user_id, "registered", now, client_info.summary)
    limits, request_id = deps.limits.unsolicited_mails("confirm_email", email), None
    if await throttling.try_acquire(connection, limits, now):
        request_id = await account_mails.record_request(
            connection, user_id, "confirm_email", user.address, now
        )
    decide = partial(register, user_id=user_id, language=user.language, request_id=request_id)
    await execute(connection, deps.store, ACCOUNT, stream(user_id), decide)
