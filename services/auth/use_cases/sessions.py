"""Sessions: an opaque token that people hold, of which only the hash is stored."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientInfo
from services.auth.domain.secret_tokens import new_secret
from services.auth.tables import api_tokens, devices, security_log, session_tokens, sessions, users
from services.auth.tables.users import Person
from services.auth.use_cases import account_mails, throttling
from services.auth.use_cases.access_grants import AccessGrant, grant_to, load_grant
from services.auth.use_cases.authentication import authenticated_person, check_session
from services.auth.use_cases.dependencies import Dependencies
from shared.contracts.http.auth import SessionKind, SessionSummary
from shared.errors import NotFound, Unauthenticated
from shared.ids import new_id
from shared.web.identity import User


async def start(
    connection: AsyncConnection,
    deps: Dependencies,
    person: Person,
    kind: SessionKind,
    client_info: ClientInfo,
    now: datetime,
) -> AccessGrant:
    """Start a session of a person, who is locked; report a new device."""
    user_id, session_id, client = person.user_id, new_id(), client_info.summary
    kept = deps.session_limits.max_per_kind
    await sessions.insert(connection, session_id, user_id, kind, now, client)
    await sessions.end_least_recently_used(connection, user_id, kind, now, kept)
    token = await _issue_token(connection, session_id, now)
    await security_log.insert(connection, user_id, "signed_in", now, client)
    if await devices.record_device(connection, user_id, client_info, now):
        await _report_new_device(connection, deps, person, client_info, now)
    return grant_to(person, session_id, token)


async def refresh(deps: Dependencies, token: str, now: datetime) -> AccessGrant:
    """Exchange an API session's token for the next one; raises `Unauthenticated`.

    A token that is used twice was stolen, now or before: the session ends (RFC 9700 §4.14), which
    is committed before the error is raised.
    """
    async with deps.database.transaction() as connection:
        grant = await _exchange_token(connection, deps, token, now)
    if grant is None:
        raise Unauthenticated
    return grant


async def use_web_session(
    connection: AsyncConnection, deps: Dependencies, token: str, address: str, now: datetime
) -> AccessGrant:
    """Record the use, and the IP address if there is one; raises `Unauthenticated`."""
    limits = deps.session_limits
    session = await session_tokens.use_web_session(connection, token, now, limits, address)
    if session is None:
        raise Unauthenticated
    return await load_grant(connection, session.session_id, session.user_id)


async def renew_access(
    connection: AsyncConnection, deps: Dependencies, user: User, now: datetime
) -> AccessGrant:
    """Access for the session of the request; raises `Unauthenticated` when it has ended."""
    if not await sessions.is_active(connection, user.session_id, now, deps.session_limits):
        raise Unauthenticated
    return await load_grant(connection, user.session_id, user.user_id)


async def check_active(
    connection: AsyncConnection, deps: Dependencies, session_id: UUID, now: datetime
) -> None:
    """Raises `NotFound` unless a session or an API token of this id is active."""
    if await sessions.is_active(connection, session_id, now, deps.session_limits):
        return
    if not await api_tokens.is_active(connection, session_id, now):
        raise NotFound


async def list_sessions(
    connection: AsyncConnection, deps: Dependencies, user: User, now: datetime
) -> Sequence[SessionSummary]:
    """The active ones, the last used first."""
    await check_session(connection, user)
    return await sessions.list_active(connection, user.user_id, now, deps.session_limits)


async def log_out(connection: AsyncConnection, user: User, now: datetime) -> None:
    await users.lock(connection, user.user_id)
    client = await sessions.end(connection, user.user_id, user.session_id, now)
    if client is not None:
        await security_log.insert(connection, user.user_id, "signed_out", now, client)


async def end_session(
    connection: AsyncConnection, user: User, session_id: UUID, now: datetime
) -> None:
    """Raises `NotFound` when the person has no such session."""
    _, client = await authenticated_person(connection, user)
    if await sessions.end(connection, user.user_id, session_id, now) is None:
        raise NotFound
    await security_log.insert(connection, user.user_id, "session_ended", now, client)


async def end_other_sessions(connection: AsyncConnection, user: User, now: datetime) -> int:
    """End all but the session of the request; return how many."""
    _, client = await authenticated_person(connection, user)
    ended = await sessions.end_others(connection, user.user_id, now, kept=user.session_id)
    if ended:
        await security_log.insert(connection, user.user_id, "session_ended", now, client)
    return ended


async def _exchange_token(
    connection: AsyncConnection, deps: Dependencies, token: str, now: datetime
) -> AccessGrant | None:
    await session_tokens.lock_user(connection, token)
    session = await session_tokens.lock_api_session(connection, token, now, deps.session_limits)
    if session is None:
        return None
    session_id, user_id, client, replaced_at = session
    if replaced_at is not None:
        await sessions.end(connection, user_id, session_id, now)
        await security_log.insert(connection, user_id, "refresh_reused", now, client)
        return None
    await session_tokens.set_replaced(connection, token, now)
    await sessions.set_last_used(connection, session_id, now)
    next_token = await _issue_token(connection, session_id, now)
    return await load_grant(connection, session_id, user_id, token=next_token)


async def _issue_token(connection: AsyncConnection, session_id: UUID, now: datetime) -> str:
    token = new_secret()
    await session_tokens.insert(connection, token, session_id, now)
    return token


async def _report_new_device(
    connection: AsyncConnection,
    deps: Dependencies,
    person: Person,
    client_info: ClientInfo,
    now: datetime,
) -> None:
    """By mail, if the person's address is confirmed and they want it."""
    if person.email_confirmed_at is None or not person.mail_on_new_device:
        return
    user_id, address = person.user_id, person.address
    if not await throttling.try_acquire(connection, deps.limits.new_device_mails(user_id), now):
        return
    details = account_mails.client_details(client_info.summary, now)
    await account_mails.request(connection, deps, user_id, "new_sign_in", address, now, **details)
