"""Sessions of API clients."""

from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, Field

from services.gateway.api import schemas
from services.gateway.api.problems import problems
from services.gateway.api.request_bodies import JSON, Code, Email, Password, RequestBody
from services.gateway.dependencies import Auth, ClientInfos, Sessions
from services.gateway.identity.sessions import ApiUser
from shared.contracts.http.auth import Tokens
from shared.web.routes import Router

router = Router(prefix="/api/v1/sessions", tags=["Sessions"])


class LoginRequest(RequestBody):
    """An account's e-mail address and password."""

    email: Email
    password: Password


class LoginCode(RequestBody):
    """The challenge of a login, and a code of the second factor."""

    challenge: str = Field(min_length=1, max_length=200)
    code: Code


class Refresh(RequestBody):
    """The refresh token of a session. It works once."""

    refresh_token: str = Field(min_length=1, max_length=200)


class Session(BaseModel):
    """Send `access_token` as a bearer token, and refresh before it expires."""

    access_token: str
    refresh_token: str
    expires_in: int = Field(description="seconds")


@router.post(
    "",
    status_code=201,
    dependencies=JSON,
    responses=problems(400, 401, 413, 415, 422, 429, 503, 504),
)
async def log_in(
    request: Request, body: LoginRequest, sessions: Sessions, client_infos: ClientInfos
) -> Session:
    """Log in, and begin a session.

    If the account has a second factor, the response is 401 `second_factor_required`. Send the
    `challenge` of its params with a code to `/sessions/second-factor` within `expires_in` seconds.
    """
    tokens = await sessions.log_in_api(body.email, body.password, client_infos.program(request))
    return _session(tokens)


@router.post(
    "/second-factor",
    status_code=201,
    dependencies=JSON,
    responses=problems(400, 401, 413, 415, 422, 429, 503, 504),
)
async def give_code(
    request: Request, body: LoginCode, sessions: Sessions, client_infos: ClientInfos
) -> Session:
    """Complete a login that was answered with `second_factor_required`."""
    client_info = client_infos.program(request)
    return _session(await sessions.finish_api_login(body.challenge, body.code, client_info))


@router.post("/refresh", dependencies=JSON, responses=problems(400, 401, 413, 415, 422, 503, 504))
async def refresh(body: Refresh, sessions: Sessions) -> Session:
    """Exchange a refresh token for new tokens. A token used twice ends the session."""
    return _session(await sessions.refresh(body.refresh_token))


@router.get("", responses=problems(401, 403, 503))
async def listed(user: ApiUser, auth: Auth) -> schemas.SessionList:
    """All active sessions of the user, in browsers and programs."""
    return await auth.sessions(user)


@router.delete("", responses=problems(401, 403, 503, 504))
async def end_others(user: ApiUser, auth: Auth, sessions: Sessions) -> schemas.EndedSessions:
    """End all other sessions."""
    ended = await auth.end_other_sessions(user)
    sessions.invalidate_all()
    return ended


@router.delete(
    "/current", status_code=204, response_class=Response, responses=problems(401, 403, 503, 504)
)
async def log_out(user: ApiUser, auth: Auth, sessions: Sessions) -> None:
    """End this session."""
    await auth.log_out(user)
    sessions.active.end(user.session_id)


@router.delete(
    "/{session_id:uuid}",
    status_code=204,
    response_class=Response,
    responses=problems(401, 403, 404, 422, 503, 504),
)
async def end(user: ApiUser, auth: Auth, sessions: Sessions, session_id: UUID) -> None:
    """End a session."""
    await auth.end_session(user, session_id)
    sessions.active.end(session_id)


def _session(tokens: Tokens) -> Session:
    return Session(
        access_token=tokens.access_token,
        refresh_token=tokens.token or "",
        expires_in=tokens.expires_in,
    )
