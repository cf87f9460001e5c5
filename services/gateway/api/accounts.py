"""Accounts and sessions of API clients."""

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from services.gateway import models
from services.gateway.api.problem import json_only, problems
from services.gateway.provision import Auth, Sessions
from services.gateway.sessions import ApiUser
from shared.contracts.auth import Language

router = APIRouter(prefix="/api/v1", tags=["Accounts"])
_JSON = [Depends(json_only)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Registration(_Request):
    """A wish for an account."""

    email: str = Field(max_length=1000)
    password: str = Field(max_length=100_000, description="at least 8 characters")
    language: Language = Field("en", description="of the mails we send")


class Login(_Request):
    """Proof of an account."""

    email: str = Field(max_length=1000)
    password: str = Field(max_length=100_000)


class Refresh(_Request):
    """The refresh token of a session, good for one use."""

    refresh_token: str = Field(min_length=1, max_length=200)


class Session(BaseModel):
    """Send `access_token` as a bearer token; fetch the next pair before it expires."""

    access_token: str
    refresh_token: str
    expires_in: int = Field(description="seconds")


@router.post("/users", status_code=202, dependencies=_JSON, responses=problems(415, 422, 503))
async def register(body: Registration, auth: Auth) -> None:
    """Make an account. The answer is the same when the address has one."""
    await auth.register(body.email, body.password, body.language)


@router.post(
    "/sessions", status_code=201, dependencies=_JSON, responses=problems(401, 415, 422, 503)
)
async def log_in(body: Login, auth: Auth) -> Session:
    """Begin a session."""
    return _session(await auth.log_in(body.email, body.password, "api"))


@router.post("/sessions/refresh", dependencies=_JSON, responses=problems(401, 415, 422, 503))
async def refresh(body: Refresh, auth: Auth) -> Session:
    """Exchange a refresh token. Used twice, it ends the session."""
    return _session(await auth.refresh(body.refresh_token))


@router.delete("/sessions/current", status_code=204, responses=problems(401, 503))
async def log_out(user: ApiUser, auth: Auth, sessions: Sessions) -> None:
    """End the session."""
    await auth.log_out(user)
    sessions.liveness.end(user.session_id)


@router.get("/me", responses=problems(401, 503))
async def me(user: ApiUser, auth: Auth) -> models.Account:
    """Whose token this is."""
    return await auth.me(user)


def _session(tokens: models.Tokens) -> Session:
    return Session(
        access_token=tokens.access_token,
        refresh_token=tokens.token or "",
        expires_in=tokens.expires_in,
    )
