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
    """Proof of an account."""

    email: Email
    password: Password


class LoginCode(RequestBody):
    """What the login was answered, and a code of the second factor."""

    challenge: str = Field(min_length=1, max_length=200)
    code: Code


class Refresh(RequestBody):
    """The refresh token of a session, good for one use."""

    refresh_token: str = Field(min_length=1, max_length=200)


class Session(BaseModel):
    """Send `access_token` as a bearer token; fetch the next pair before it expires."""

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
    """Begin a session.

    Of a person with a second factor the answer is 401 `second_factor_required`; its params hold a
    `challenge`, good for `expires_in` seconds, which `/sessions/second-factor` takes with a code.
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
    """Begin the session of a login that was answered `second_factor_required`."""
    client_info = client_infos.program(request)
    return _session(await sessions.finish_api_login(body.challenge, body.code, client_info))


@router.post("/refresh", dependencies=JSON, responses=problems(400, 401, 413, 415, 422, 503, 504))
async def refresh(body: Refresh, sessions: Sessions) -> Session:
    """Exchange a refresh token. Used twice, it ends the session."""
    return _session(await sessions.refresh(body.refresh_token))


@router.get("", responses=problems(401, 403, 503))
async def listed(user: ApiUser, auth: Auth) -> schemas.SessionList:
    """Where one is logged in: browsers and programs."""
    return await auth.sessions(user)


@router.delete("", responses=problems(401, 403, 503, 504))
async def end_others(user: ApiUser, auth: Auth, sessions: Sessions) -> schemas.EndedSessions:
    """End all sessions but this one."""
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
