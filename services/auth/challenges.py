"""Logins that wait for the code of the second factor: an opaque secret, kept as a hash."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.accounts import Person
from services.auth.secret_tokens import digest, new_secret
from shared.contracts.http.auth import SessionKind
from shared.errors import Unauthenticated

LIVES = timedelta(minutes=5)
MOST = 100  # of a person


class ChallengeInvalid(Unauthenticated):
    code = "challenge_invalid"


@dataclass(frozen=True)
class Challenge:
    """What whoever knows the password gets instead of a session; the caller can't overlook it."""

    token: str


@dataclass(frozen=True)
class Asked:
    """Whose login waits, and for what kind of session."""

    user_id: UUID
    kind: SessionKind
    password_version: int


async def make(
    connection: AsyncConnection, person: Person, kind: SessionKind, now: datetime
) -> Challenge:
    """The person is locked; those that are too many go, the oldest first."""
    token = new_secret()
    await connection.execute(
        text(
            "INSERT INTO challenges (challenge_hash, user_id, kind, password_version, expires_at)"
            " VALUES (:hash, :user_id, :kind, :version, :until)"
        ),
        {
            "hash": digest(token),
            "user_id": person.user_id,
            "kind": kind,
            "version": person.password_version,
            "until": now + LIVES,
        },
    )
    await connection.execute(
        text(
            "DELETE FROM challenges WHERE challenge_hash IN (SELECT challenge_hash FROM challenges"
            " WHERE user_id = :user_id ORDER BY expires_at DESC OFFSET :most)"
        ),
        {"user_id": person.user_id, "most": MOST},
    )
    return Challenge(token)


async def find(connection: AsyncConnection, token: str, now: datetime) -> Asked:
    """Raises `ChallengeInvalid`."""
    row = (
        await connection.execute(
            text(
                "SELECT user_id, kind, password_version FROM challenges"
                " WHERE challenge_hash = :hash AND expires_at > :now"
            ),
            {"hash": digest(token), "now": now},
        )
    ).first()
    if row is None:
        raise ChallengeInvalid
    return Asked(*row)


async def use(connection: AsyncConnection, token: str) -> None:
    """Raises `ChallengeInvalid` where somebody was faster."""
    used = await connection.scalar(
        text("DELETE FROM challenges WHERE challenge_hash = :hash RETURNING true"),
        {"hash": digest(token)},
    )
    if not used:
        raise ChallengeInvalid
