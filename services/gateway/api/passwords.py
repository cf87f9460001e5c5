"""Changing and resetting passwords."""

from fastapi import Request, Response
from pydantic import Field

from services.gateway.api.problems import problems
from services.gateway.api.request_bodies import (
    JSON,
    Accepted,
    Email,
    LinkToken,
    NewPassword,
    Password,
    RequestBody,
)
from services.gateway.dependencies import Auth, ClientInfos, Sessions
from services.gateway.identity.sessions import ApiUser
from shared.web.routes import Router

router = Router(prefix="/api/v1", tags=["Passwords"])


class PasswordChange(RequestBody):
    """The new and the current password."""

    current_password: Password
    new_password: NewPassword
    revoke_api_tokens: bool = Field(False, strict=True, description="revoke all API tokens as well")


class PasswordResetRequest(RequestBody):
    """The e-mail address of an account whose password is forgotten."""

    email: Email


class PasswordReset(RequestBody):
    """The new password, and the token of a mailed link."""

    token: LinkToken
    password: NewPassword


@router.post(
    "/me/password",
    status_code=204,
    dependencies=JSON,
    response_class=Response,
    responses=problems(400, 401, 403, 413, 415, 422, 429, 503, 504),
)
async def change(user: ApiUser, body: PasswordChange, auth: Auth, sessions: Sessions) -> None:
    """Change the password. All other sessions end."""
    await auth.change_password(
        user,
        body.current_password,
        body.new_password,
        revoke_tokens=body.revoke_api_tokens,
    )
    sessions.invalidate_all()


@router.post(
    "/password-resets",
    status_code=202,
    dependencies=JSON,
    responses=problems(400, 413, 415, 422, 429, 503, 504),
)
async def forgot(
    request: Request, body: PasswordResetRequest, auth: Auth, client_infos: ClientInfos
) -> Accepted:
    """Mail a link that sets a new password. The response is the same for unknown addresses."""
    await auth.forgot_password(body.email, client_infos.program(request))
    return Accepted()


@router.put(
    "/password-resets",
    status_code=204,
    dependencies=JSON,
    response_class=Response,
    responses=problems(400, 413, 415, 422, 503, 504),
)
async def reset(
    request: Request, body: PasswordReset, auth: Auth, sessions: Sessions, client_infos: ClientInfos
) -> None:
    """Set a new password with the token of a mailed link. All sessions and API tokens end.

    A password link works once, within an hour. The link that confirms an address works as well.
    """
    await auth.reset_password(body.token, body.password, client_infos.program(request))
    sessions.invalidate_all()
