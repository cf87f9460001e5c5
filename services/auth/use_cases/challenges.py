"""Logins that wait for a code of the second factor: an opaque secret, stored as a hash."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientInfo
from services.auth.domain.secret_tokens import new_secret
from services.auth.tables import challenges, users
from services.auth.tables.challenges import PendingLogin
from services.auth.tables.users import Person
from services.auth.use_cases import sessions
from services.auth.use_cases.access_grants import AccessGrant
from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.second_factor_codes import WrongSecondFactorCode, notify, try_code
from shared.contracts.http.auth import SessionKind
from shared.errors import Unauthenticated

LIFETIME = timedelta(minutes=5)
MAX_PER_PERSON = 100


class ChallengeInvalid(Unauthenticated):
    code = "challenge_invalid"


@dataclass(frozen=True)
class Challenge:
    """The result of a login whose second factor is not checked yet, instead of a grant."""

    token: str


async def create(
    connection: AsyncConnection, person: Person, kind: SessionKind, now: datetime
) -> Challenge:
    """The person is locked; beyond the maximum the oldest challenges are deleted."""
    token, login = new_secret(), PendingLogin(person.user_id, kind, person.password_version)
    await challenges.insert(connection, token, login, now + LIFETIME)
    await challenges.delete_oldest(connection, person.user_id, MAX_PER_PERSON)
    return Challenge(token)


async def answer(
    deps: Dependencies, *, challenge: str, code: str, client_info: ClientInfo, now: datetime
) -> AccessGrant:
    """Start the session of a challenge; raises `ChallengeInvalid`, `WrongSecondFactorCode`.

    A code is used up in the transaction that starts the session. That of a wrong code commits, too.
    """
    client, grant = client_info.summary, None
    async with deps.database.transaction() as connection:
        login, person = await _lock_login(connection, challenge, now)
        accepted = await try_code(connection, deps, person, code, client, now)
        if accepted is not None:
            if not await challenges.delete(connection, challenge):
                raise ChallengeInvalid
            grant = await sessions.start(connection, deps, person, login.kind, client_info, now)
        if accepted == "recovery_code":
            await notify(connection, deps, person, "recovery_code_used", client, now)
    if grant is None:
        raise WrongSecondFactorCode
    return grant


async def _lock_login(
    connection: AsyncConnection, token: str, now: datetime
) -> tuple[PendingLogin, Person]:
    login = await challenges.find(connection, token, now)
    if login is None:
        raise ChallengeInvalid
    person = await users.lock(connection, login.user_id)
    if person is None or person.password_version != login.password_version:
        raise ChallengeInvalid
    return login, person
