"""A person's API tokens, and their exchange for access tokens."""

from datetime import timedelta
from uuid import UUID

from services.auth.api.dependencies import GATEWAY, Deps, Now, Signer, tokens
from services.auth.use_cases import api_tokens
from shared.contracts.http.auth import (
    ApiTokenList,
    ApiTokenRequest,
    NewApiToken,
    SessionToken,
    Tokens,
)
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal/tokens")


@router.get("")
async def list_tokens(user: CurrentUser, connection: Transaction, now: Now) -> ApiTokenList:
    return ApiTokenList(tokens=list(await api_tokens.list_tokens(connection, user, now)))


@router.post("", status_code=201)
async def create_token(
    body: ApiTokenRequest, user: CurrentUser, connection: Transaction, deps: Deps, now: Now
) -> NewApiToken:
    token, secret = await api_tokens.create_token(
        connection,
        deps,
        user,
        name=body.name,
        scopes=body.scopes,
        expires_at=now + timedelta(days=body.expires_in_days),
        now=now,
    )
    return NewApiToken(**dict(token), token=secret)


@router.delete("/{token_id}", status_code=204)
async def revoke_token(
    token_id: UUID, user: CurrentUser, connection: Transaction, now: Now
) -> None:
    await api_tokens.revoke_token(connection, user, token_id, now)


@router.post("/access", dependencies=GATEWAY)
async def use_token(
    body: SessionToken, connection: Transaction, signer: Signer, now: Now
) -> Tokens:
    """An access token limited to the scopes of an API token, whose id is its `session_id`."""
    return tokens(signer, await api_tokens.use_token(connection, body.token, now))
