"""What the routes share: who may call, what they are given, and how a login is answered."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from services.auth.use_cases import challenges
from services.auth.use_cases.access_grants import AccessGrant
from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.login import LoginResult
from shared.clock import Clock
from shared.contracts.http.auth import Challenged, Tokens
from shared.web.app import provided
from shared.web.identity import USER_TOKEN_SECONDS, Identity, allowed_services

GATEWAY = [Depends(allowed_services("gateway"))]
NOTIFIER = [Depends(allowed_services("notifier"))]

Deps = Annotated[Dependencies, provided(Dependencies)]
Signer = Annotated[Identity, provided(Identity)]


async def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock()


Now = Annotated[datetime, Depends(_now)]


def login_answer(signer: Identity, result: LoginResult) -> Tokens | Challenged:
    """Tokens, or a challenge when a code of the second factor is needed."""
    if isinstance(result, AccessGrant):
        return tokens(signer, result)
    lifetime = int(challenges.LIFETIME.total_seconds())
    return Challenged(challenge=result.token, expires_in=lifetime)


def tokens(signer: Identity, grant: AccessGrant) -> Tokens:
    return Tokens(
        session_id=grant.session_id,
        user_id=grant.user_id,
        access_token=signer.sign_user(grant.user_id, grant.session_id, grant.scopes),
        expires_in=USER_TOKEN_SECONDS,
        token=grant.token,
        preferences=grant.preferences,
    )
