"""API tokens: long-lived tokens for programs, limited to scopes."""

from typing import Annotated
from uuid import UUID

from fastapi import Response
from pydantic import Field

from services.gateway.api import schemas
from services.gateway.api.problems import problems
from services.gateway.api.request_bodies import JSON, RequestBody
from services.gateway.dependencies import Auth, Sessions
from services.gateway.identity.sessions import ApiUser
from shared.contracts.auth import Scope
from shared.web.routes import Router

router = Router(prefix="/api/v1/tokens", tags=["Tokens"])


class TokenRequest(RequestBody):
    """An API token to create."""

    name: str = Field(min_length=1, max_length=100, description="a name of your choice")
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    expires_in_days: int = Field(90, ge=1, le=365)


@router.get("", responses=problems(401, 403, 503))
async def tokens(user: ApiUser, auth: Auth) -> schemas.ApiTokenList:
    """All valid API tokens, without their secrets."""
    return await auth.tokens(user)


@router.post(
    "",
    status_code=201,
    dependencies=JSON,
    responses=problems(400, 401, 403, 413, 415, 422, 503, 504),
)
async def make(user: ApiUser, body: TokenRequest, auth: Auth) -> schemas.NewApiToken:
    """Create an API token, to be sent as a bearer token. Its secret is shown only here."""
    return await auth.make_token(user, body.name, list(body.scopes), body.expires_in_days)


@router.delete(
    "/{token_id:uuid}",
    status_code=204,
    response_class=Response,
    responses=problems(401, 403, 404, 422, 503, 504),
)
async def revoke(user: ApiUser, auth: Auth, sessions: Sessions, token_id: UUID) -> None:
    """Revoke an API token. It stops working within a minute."""
    await auth.revoke_token(user, token_id)
    sessions.mark_revoked(token_id)
