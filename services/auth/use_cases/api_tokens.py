"""API tokens: people make them for programs, limited by scopes and in time, and see them once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.secret_tokens import new_secret
from services.auth.tables import api_tokens, security_log
from services.auth.use_cases import throttling
from services.auth.use_cases.access_grants import AccessGrant, load_grant
from services.auth.use_cases.authentication import authenticated_person, check_session
from services.auth.use_cases.dependencies import Dependencies
from shared.contracts.auth import Scope
from shared.contracts.http.auth import ApiToken
from shared.errors import Invalid, NotFound, Unauthenticated
from shared.web.identity import User

PREFIX = "prv_"  # what scanners for leaked secrets look for
MAX_PER_PERSON = 50  # active ones
_LAST_USED_PRECISION = timedelta(minutes=1)


class TooManyTokens(Invalid):
    code = "too_many_tokens"


async def list_tokens(connection: AsyncConnection, user: User, now: datetime) -> Sequence[ApiToken]:
    """The active ones, the newest first."""
    await check_session(connection, user)
    return await api_tokens.list_active(connection, user.user_id, now)


async def create_token(
    connection: AsyncConnection,
    deps: Dependencies,
    user: User,
    *,
    name: str,
    scopes: Sequence[Scope],
    expires_at: datetime,
    now: datetime,
) -> tuple[ApiToken, str]:
    """The token and its secret. Raises `TooManyTokens`, `TooManyAttempts`."""
    person, client = await authenticated_person(connection, user)
    user_id = person.user_id
    await throttling.acquire(connection, deps.limits.account_changes(user_id), now)
    if await api_tokens.count(connection, user_id, now) >= MAX_PER_PERSON:
        raise TooManyTokens(limit=MAX_PER_PERSON)
    secret = PREFIX + new_secret()
    token = await api_tokens.insert(
        connection,
        user_id,
        secret=secret,
        name=name,
        scopes=scopes,
        expires_at=expires_at,
        now=now,
    )
    await security_log.insert(connection, user_id, "token_created", now, client)
    return token, secret


async def revoke_token(
    connection: AsyncConnection, user: User, token_id: UUID, now: datetime
) -> None:
    """Raises `NotFound` when the person has no such token."""
    _, client = await authenticated_person(connection, user)
    if not await api_tokens.delete(connection, user.user_id, token_id):
        raise NotFound
    await security_log.insert(connection, user.user_id, "token_revoked", now, client)


async def use_token(connection: AsyncConnection, secret: str, now: datetime) -> AccessGrant:
    """Access limited to the token's scopes; raises `Unauthenticated`.

    The id of the token stands for that of a session. The last use is stored once a minute.
    """
    token = await api_tokens.find(connection, secret, now)
    if token is None:
        raise Unauthenticated
    if token.last_used_at is None or token.last_used_at <= now - _LAST_USED_PRECISION:
        await api_tokens.set_last_used(connection, token.token_id, now)
    scopes = list(token.scopes)
    return await load_grant(connection, token.token_id, token.user_id, scopes=scopes)
