"""A person's API tokens, and their exchange."""

from datetime import timedelta
from uuid import UUID

from services.auth import accounts, api_tokens, queries, security_log, throttle
from services.auth.api.parts import GATEWAY, Limited, Now, Signer, tokens
from shared.contracts.http.auth import (
    ApiTokenList,
    ApiTokenRequest,
    NewApiToken,
    SessionToken,
    Tokens,
)
from shared.errors import NotFound, Unauthenticated
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal/tokens")


@router.get("")
async def my_tokens(user: CurrentUser, connection: Transaction, now: Now) -> ApiTokenList:
    await accounts.place_of(connection, user)
    return ApiTokenList(tokens=list(await api_tokens.active(connection, user.user_id, now)))


@router.post("", status_code=201)
async def create_token(
    body: ApiTokenRequest, user: CurrentUser, connection: Transaction, limits: Limited, now: Now
) -> NewApiToken:
    _, place = await accounts.authenticated_person(connection, user)
    await throttle.enter(connection, limits.changes(user.user_id), now)
    token, secret = await api_tokens.create(
        connection,
        user.user_id,
        name=body.name,
        scopes=body.scopes,
        expires_at=now + timedelta(days=body.expires_in_days),
        now=now,
    )
    await security_log.note(connection, user.user_id, "token_created", now, place)
    return NewApiToken(**dict(token), token=secret)


@router.delete("/{token_id}", status_code=204)
async def revoke_token(
    token_id: UUID, user: CurrentUser, connection: Transaction, now: Now
) -> None:
    _, place = await accounts.authenticated_person(connection, user)
    if not await api_tokens.revoke(connection, user.user_id, token_id):
        raise NotFound
    await security_log.note(connection, user.user_id, "token_revoked", now, place)


@router.post("/access", dependencies=GATEWAY)
async def access(body: SessionToken, connection: Transaction, signer: Signer, now: Now) -> Tokens:
    """An access token limited to the scopes of an API token; its `session_id` is the token's id."""
    found = await api_tokens.use(connection, body.token, now)
    if found is None:
        raise Unauthenticated
    token_id, user_id, scopes = found
    preferences = await queries.preferences(connection, user_id)
    return tokens(signer, token_id, user_id, preferences, scopes=scopes)
