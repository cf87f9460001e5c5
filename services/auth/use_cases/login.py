"""Logs people in: by a password or by the link of a mail."""

from datetime import datetime
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientInfo
from services.auth.domain.credentials import WrongCredentials, normalize_email
from services.auth.tables import mail_requests, second_factors, security_log, throttle, users
from services.auth.tables.users import Credentials, Person
from services.auth.use_cases import challenges, links, sessions, throttling
from services.auth.use_cases.access_grants import AccessGrant
from services.auth.use_cases.challenges import Challenge
from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.unsolicited_mail import constant_time, request_mail_to_owner
from shared.contracts.http.auth import SessionKind

LoginResult: TypeAlias = AccessGrant | Challenge


async def log_in(
    deps: Dependencies,
    *,
    email: str,
    password: str,
    kind: SessionKind,
    client_info: ClientInfo,
    now: datetime,
) -> LoginResult:
    """Raises like `check_credentials`. A hash of another cost than the present one is replaced."""
    credentials = await check_credentials(
        deps, email=email, password=password, client_info=client_info, now=now
    )
    is_outdated = deps.hasher.is_outdated(credentials.password_hash or "")
    network = client_info.widest_network
    new_hash = await deps.hasher.hash(password, network) if is_outdated else None
    async with deps.database.transaction() as connection:
        person = await lock_credentials(connection, credentials)
        if new_hash is not None:
            await users.set_password_hash(connection, person.user_id, new_hash)
        return await begin_session(
            connection, deps, person, kind=kind, client_info=client_info, now=now
        )


async def log_in_by_link(
    connection: AsyncConnection,
    deps: Dependencies,
    *,
    token: str,
    client_info: ClientInfo,
    now: datetime,
) -> LoginResult:
    """Use up all links to log in that the person has; raises `LinkInvalid`."""
    _, person = await links.use(connection, token, ["log_in"], now)
    await mail_requests.invalidate(connection, person.user_id, "log_in", now)
    return await begin_session(
        connection, deps, person, kind="web", client_info=client_info, now=now
    )


async def check_credentials(
    deps: Dependencies, *, email: str, password: str, client_info: ClientInfo, now: datetime
) -> Credentials:
    """Whose they are; raises `WrongCredentials`, `TooManyAttempts` or `PasswordHashingBusy`.

    An unknown address takes the same statements and the same hash as a wrong password.
    """
    account, limits = normalize_email(email), deps.limits
    async with deps.database.transaction() as connection:
        found = await users.find_credentials(connection, account, client_info)
        failures = limits.failed_logins(account, client_info, known_device=found.known_device)
        await throttling.check(connection, failures, now)
        await throttling.acquire(connection, limits.logins(account, client_info), now)
    network = client_info.widest_network
    is_right = await deps.hasher.verify(password, found.password_hash, network)
    async with deps.database.transaction() as connection:
        pair = limits.failed_logins_by_network(account, client_info)
        await throttle.lock(connection, [*failures, *pair])
        # Again, and also for the right password: of many parallel tries ten are answered.
        await throttling.acquire(connection, failures, now, counts=not is_right)
        if is_right:
            await throttling.reset(connection, pair, now)
            return found
        by_account = limits.failed_logins_by_account(account)
        is_locked_out = await throttling.is_exhausted(connection, by_account, now)
    async with deps.database.transaction() as connection:
        client = client_info.summary
        await security_log.insert(connection, found.user_id, "sign_in_failed", now, client)
    if is_locked_out:
        await _mail_link(deps, account, now)
    raise WrongCredentials


async def lock_credentials(connection: AsyncConnection, credentials: Credentials) -> Person:
    """Lock their person; raises `WrongCredentials` when the password has changed meanwhile."""
    person = await users.lock(connection, credentials.user_id)
    if person is None or person.password_version != credentials.password_version:
        raise WrongCredentials
    return person


async def begin_session(
    connection: AsyncConnection,
    deps: Dependencies,
    person: Person,
    *,
    kind: SessionKind,
    client_info: ClientInfo,
    now: datetime,
) -> LoginResult:
    """Log in a person who is authenticated and locked.

    With a second factor this is only a challenge, however they were authenticated.
    """
    if await second_factors.is_enabled(connection, person.user_id):
        return await challenges.create(connection, person, kind, now)
    return await sessions.start(connection, deps, person, kind, client_info, now)


async def _mail_link(deps: Dependencies, account: str, now: datetime) -> None:
    """Mail a link to the owner, whose right password is refused from now on elsewhere."""
    async with constant_time(), deps.database.transaction() as connection:
        await request_mail_to_owner(connection, deps, "log_in", account, now, confirmed=True)
