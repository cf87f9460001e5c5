"""Changes a password that is known, and replaces one that is forgotten."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientInfo, ClientSummary
from services.auth.domain.credentials import PasswordUnchanged, check_password, normalize_email
from services.auth.tables import api_tokens, devices, mail_requests, security_log, sessions, users
from services.auth.tables.users import Person
from services.auth.use_cases import account_mails, links, throttling
from services.auth.use_cases.confirmation import mark_confirmed
from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.reauthentication import (
    Reauthenticated,
    lock_reauthenticated,
    reauthenticate,
)
from services.auth.use_cases.unsolicited_mail import constant_time, request_mail_to_owner
from shared.contracts.auth import AccountMailKind
from shared.errors import OutcomeUnknown, Unavailable
from shared.web.identity import User

# A link that confirms the address proves as much as one to a new password.
RESETTING: tuple[AccountMailKind, ...] = ("reset_password", "confirm_email")
_INVALIDATED: tuple[AccountMailKind, ...] = ("reset_password", "log_in", "confirm_new_email")


async def request_reset(
    deps: Dependencies, *, email: str, client_info: ClientInfo, now: datetime
) -> None:
    """Mail a link to the owner of the address, if there is one."""
    account = normalize_email(email)
    async with deps.database.transaction() as connection:
        await throttling.acquire(connection, deps.limits.password_resets(client_info), now)
    async with constant_time(), deps.database.transaction() as connection:
        await request_mail_to_owner(connection, deps, "reset_password", account, now)


async def reset_password(
    deps: Dependencies, *, token: str, password: str, client_info: ClientInfo, now: datetime
) -> None:
    """Use a link up; raises `LinkInvalid`, `PasswordTooWeak` and the like."""
    check_password(password)
    network = client_info.widest_network
    async with deps.database.transaction() as connection:
        link = await links.count_try(connection, token, RESETTING, now)
    await deps.meter.check(password, link.email, network)
    password_hash = await deps.hasher.hash(password, network)
    async with deps.database.transaction() as connection:
        await _reset(connection, deps, token, password_hash, client_info.summary, now)
    # The password is replaced, even if this fails.
    with suppress(Unavailable, OutcomeUnknown):
        async with deps.database.transaction() as connection:
            limits = deps.limits.reset_with_password(link.email, client_info)
            await throttling.reset(connection, limits, now)


async def change_password(
    deps: Dependencies,
    *,
    user: User,
    current_password: str,
    new_password: str,
    revoke_tokens: bool,
    now: datetime,
) -> None:
    """End every other session. Raises `WrongPassword`, `PasswordUnchanged` and the like."""
    check_password(new_password)
    reauthenticated = await reauthenticate(deps, user, current_password, now)
    network = reauthenticated.network
    if new_password == current_password:
        raise PasswordUnchanged
    await deps.meter.check(new_password, reauthenticated.person.email, network)
    password_hash = await deps.hasher.hash(new_password, network)
    async with deps.database.transaction() as connection:
        await _change(connection, deps, user, reauthenticated, password_hash, revoke_tokens, now)


async def _change(
    connection: AsyncConnection,
    deps: Dependencies,
    user: User,
    reauthenticated: Reauthenticated,
    password_hash: str,
    revoke_tokens: bool,
    now: datetime,
) -> None:
    person, client = await lock_reauthenticated(connection, user, reauthenticated)
    user_id = person.user_id
    await sessions.end_others(connection, user_id, now, kept=user.session_id)
    if revoke_tokens and await api_tokens.delete_all(connection, user_id):
        await security_log.insert(connection, user_id, "token_revoked", now, client)
    await security_log.insert(connection, user_id, "password_changed", now, client)
    await _replace_password(connection, person, password_hash, now)
    if person.email_confirmed_at is not None:  # else it may be another person's
        await _notify(connection, deps, person, client, now)


async def _reset(
    connection: AsyncConnection,
    deps: Dependencies,
    token: str,
    password_hash: str,
    client: ClientSummary,
    now: datetime,
) -> None:
    """End whatever somebody else may have made: sessions, API tokens, known devices.

    Whoever reads the mail has proven that the account's address is theirs.
    """
    _, person = await links.use(connection, token, RESETTING, now)
    user_id = person.user_id
    await sessions.end_others(connection, user_id, now)
    await api_tokens.delete_all(connection, user_id)
    await devices.delete_all(connection, user_id)
    await security_log.insert(connection, user_id, "password_reset", now, client)
    await mark_confirmed(connection, deps, person, now)
    await _replace_password(connection, person, password_hash, now)
    await _notify(connection, deps, person, client, now)


async def _replace_password(
    connection: AsyncConnection, person: Person, password_hash: str, now: datetime
) -> None:
    """Also cancel a change of address: somebody who knew the old password may have wanted it."""
    user_id, version = person.user_id, person.password_version + 1
    await users.set_password(connection, user_id, password_hash, version)
    await users.set_pending_email(connection, user_id, None)
    for kind in _INVALIDATED:
        await mail_requests.invalidate(connection, user_id, kind, now)


async def _notify(
    connection: AsyncConnection,
    deps: Dependencies,
    person: Person,
    client: ClientSummary,
    now: datetime,
) -> None:
    details = account_mails.client_details(client, now)
    await account_mails.request(
        connection, deps, person.user_id, "password_changed", person.address, now, **details
    )
