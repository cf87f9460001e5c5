"""The internal API of auth."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import commands, queries, sessions
from services.auth.adapters.passwords import PasswordHasher
from services.auth.credentials import EmailInvalid, WrongCredentials, check_email, check_password
from services.auth.settings import Settings
from shared.clock import utc_now
from shared.contracts.auth import Language
from shared.db import Database
from shared.errors import NotFound, Unauthenticated
from shared.eventsourcing.store import EventStore
from shared.web.app import Transaction, provided
from shared.web.identity import USER_TOKEN_SECONDS, CurrentUser, Identity, callers

router = APIRouter(prefix="/internal")
_GATEWAY = [Depends(callers("gateway"))]
_NOTIFIER = [Depends(callers("notifier"))]

Store = Annotated[EventStore, provided(EventStore)]
Hasher = Annotated[PasswordHasher, provided(PasswordHasher)]
Signer = Annotated[Identity, provided(Identity)]
Configured = Annotated[Settings, provided(Settings)]
Pool = Annotated[Database, provided(Database)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Registration(_Request):
    """A wish for an account."""

    email: str = Field(max_length=1000)
    password: str = Field(max_length=100_000)
    language: Language = "en"


class Login(_Request):
    """Proof of an account."""

    email: str = Field(max_length=1000)
    password: str = Field(max_length=100_000)
    kind: sessions.Kind


class Token(_Request):
    """A session's opaque token."""

    token: str = Field(min_length=1, max_length=200)


class Tokens(BaseModel):
    """An access token and, where one was made, the session's own token."""

    session_id: UUID
    user_id: UUID
    access_token: str
    expires_in: int = Field(description="seconds")
    token: str | None


@router.post("/users", status_code=202, dependencies=_GATEWAY)
async def register(body: Registration, database: Pool, store: Store, hasher: Hasher) -> None:
    """Answers the same, after the same time, for addresses known and unknown."""
    email, password = check_email(body.email), check_password(body.password)
    password_hash = await hasher.hash(password)
    async with database.transaction() as connection:
        await commands.register_user(
            connection,
            store,
            email=email,
            password_hash=password_hash,
            language=body.language,
            now=utc_now(),
        )


@router.post("/sessions", status_code=201, dependencies=_GATEWAY)
async def log_in(body: Login, database: Pool, hasher: Hasher, signer: Signer) -> Tokens:
    """Begin a session. Unknown users cost the same time as wrong passwords."""
    async with database.transaction() as connection:
        known = await _find(connection, body.email)
    user_id, stored = known or (None, None)
    if not await hasher.verify(body.password, stored) or user_id is None:
        raise WrongCredentials
    async with database.transaction() as connection:
        session = await sessions.begin(connection, user_id, body.kind, utc_now())
    return _tokens(session, signer)


@router.post("/sessions/refresh", dependencies=_GATEWAY)
async def refresh(body: Token, database: Pool, signer: Signer, settings: Configured) -> Tokens:
    """Exchange an API session's token; the old one is worth nothing from now on."""
    lifetime = timedelta(days=settings.session_days)
    # Commits before it refuses: a token that comes twice ends its session.
    async with database.transaction() as connection:
        session = await sessions.refresh(connection, body.token, utc_now(), lifetime)
    return _tokens(session, signer)


@router.post("/sessions/access", dependencies=_GATEWAY)
async def access(
    body: Token, connection: Transaction, signer: Signer, settings: Configured
) -> Tokens:
    """A fresh access token for a web session."""
    lifetime = timedelta(days=settings.session_days)
    return _tokens(await sessions.find_web(connection, body.token, utc_now(), lifetime), signer)


@router.get("/sessions/{session_id}", status_code=204, dependencies=_GATEWAY)
async def session_is_alive(session_id: UUID, connection: Transaction) -> None:
    """204 while the session lives, else 404."""
    if not await sessions.is_alive(connection, session_id):
        raise NotFound


@router.delete("/sessions/current", status_code=204)
async def log_out(user: CurrentUser, connection: Transaction) -> None:
    await sessions.end(connection, user.session_id, utc_now())


@router.get("/me")
async def me(user: CurrentUser, connection: Transaction) -> queries.Account:
    return await queries.account(connection, user.user_id)


@router.get("/users/{user_id}/contact", dependencies=_NOTIFIER)
async def contact(user_id: UUID, connection: Transaction) -> queries.Contact:
    """Where mail for a user goes; 404 for a user who is gone."""
    return await queries.contact(connection, user_id)


async def _find(connection: AsyncConnection, email: str) -> tuple[UUID, str] | None:
    try:
        return await queries.credentials(connection, check_email(email))
    except EmailInvalid:
        return None


def _tokens(session: sessions.Session | None, signer: Identity) -> Tokens:
    if session is None:
        raise Unauthenticated
    return Tokens(
        session_id=session.session_id,
        user_id=session.user_id,
        access_token=signer.sign_user(session.user_id, session.session_id),
        expires_in=USER_TOKEN_SECONDS,
        token=session.token,
    )
