"""What the routes share: who may call, what they are given, how bodies look."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from services.auth import challenges
from services.auth.accounts import Person
from services.auth.adapters.encryption import Encryption
from services.auth.adapters.passwords import PasswordHasher
from services.auth.adapters.strength import StrengthMeter
from services.auth.challenges import Challenge
from services.auth.limits import Limits
from services.auth.session_list import Lifetime
from services.auth.sessions import Session
from shared.clock import Clock
from shared.contracts.auth import Scope
from shared.contracts.http.auth import Challenged, Preferences, Tokens
from shared.db import Database
from shared.eventsourcing.store import EventStore
from shared.web.app import provided
from shared.web.identity import USER_TOKEN_SECONDS, Identity, allowed_services

GATEWAY = [Depends(allowed_services("gateway"))]
NOTIFIER = [Depends(allowed_services("notifier"))]

Store = Annotated[EventStore, provided(EventStore)]
Hasher = Annotated[PasswordHasher, provided(PasswordHasher)]
Meter = Annotated[StrengthMeter, provided(StrengthMeter)]
Signer = Annotated[Identity, provided(Identity)]
Secrets = Annotated[Encryption, provided(Encryption)]
Lifetimes = Annotated[Lifetime, provided(Lifetime)]
Pool = Annotated[Database, provided(Database)]
Limited = Annotated[Limits, provided(Limits)]


async def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock()


Now = Annotated[datetime, Depends(_now)]


def begun(signer: Identity, session: Session | Challenge, person: Person) -> Tokens | Challenged:
    """What somebody gets who has logged in, or has still to give a code."""
    if isinstance(session, Challenge):
        lives = int(challenges.LIVES.total_seconds())
        return Challenged(challenge=session.token, expires_in=lives)
    return tokens_of_new(signer, session, person)


def tokens(
    signer: Identity,
    session_id: UUID,
    user_id: UUID,
    preferences: Preferences,
    *,
    token: str | None = None,
    scopes: list[Scope] | None = None,
) -> Tokens:
    return Tokens(
        session_id=session_id,
        user_id=user_id,
        access_token=signer.sign_user(user_id, session_id, scopes),
        expires_in=USER_TOKEN_SECONDS,
        token=token,
        preferences=preferences,
    )


def tokens_of_new(signer: Identity, session: Session, person: Person) -> Tokens:
    """Of a session that has just begun, with what the person has chosen."""
    preferences = Preferences.model_validate(person, from_attributes=True)
    return tokens(signer, session.session_id, session.user_id, preferences, token=session.token)
