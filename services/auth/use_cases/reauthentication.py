"""Asks somebody who is logged in for the password again."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientInfo, ClientSummary
from services.auth.domain.credentials import WrongPassword
from services.auth.tables import security_log
from services.auth.tables.users import Person
from services.auth.use_cases import throttling
from services.auth.use_cases.authentication import authenticated_person
from services.auth.use_cases.dependencies import Dependencies
from shared.web.identity import User


class Reauthenticated(NamedTuple):
    """Whose password was right, and the network they are in."""

    person: Person
    network: str


async def reauthenticate(
    deps: Dependencies, user: User, password: str, now: datetime
) -> Reauthenticated:
    """Raises `WrongPassword`, `TooManyAttempts` or `PasswordHashingBusy`."""
    failures = deps.limits.failed_reauthentications(user.user_id)
    async with deps.database.transaction() as connection:
        person, client = await authenticated_person(connection, user)
        await throttling.check(connection, failures, now)
        await throttling.acquire(connection, deps.limits.all_reauthentications(user.user_id), now)
    network = ClientInfo(client.address).widest_network
    is_right = await deps.hasher.verify(password, person.password_hash, network)
    async with deps.database.transaction() as connection:
        await throttling.acquire(connection, failures, now, counts=not is_right)
    if not is_right:
        async with deps.database.transaction() as connection:
            await security_log.insert(connection, user.user_id, "password_refused", now, client)
        raise WrongPassword
    return Reauthenticated(person, network)


async def lock_reauthenticated(
    connection: AsyncConnection, user: User, reauthenticated: Reauthenticated
) -> tuple[Person, ClientSummary]:
    """Lock the person; raises `WrongPassword` when the password has changed since it was given."""
    person, client = await authenticated_person(connection, user)
    if person.password_version != reauthenticated.person.password_version:
        raise WrongPassword
    return person, client
