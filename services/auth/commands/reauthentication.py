"""Asking somebody who is logged in for the password again."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import accounts, security_log, throttle
from services.auth.accounts import Person
from services.auth.adapters.passwords import PasswordHasher
from services.auth.client_info import ClientInfo, Place
from services.auth.credentials import WrongPassword
from services.auth.limits import Limits
from shared.db import Database
from shared.web.identity import User


async def reauthenticate(
    database: Database,
    hasher: PasswordHasher,
    limits: Limits,
    user: User,
    password: str,
    now: datetime,
) -> tuple[Person, Place]:
    """The person, whose password this is, and where they are.

    Raises `WrongPassword`, `TooManyAttempts` or `PasswordHashingBusy`.
    """
    counted = limits.password(user.user_id)
    async with database.transaction() as connection:
        person, place = await accounts.authenticated_person(connection, user)
        await throttle.check(connection, counted, now)
        await throttle.enter(connection, limits.proofs(user.user_id), now)
    network = ClientInfo(place.address).widest
    right = await hasher.verify(password, person.password_hash, network)
    async with database.transaction() as connection:
        await throttle.enter(connection, counted, now, counts=not right)
    if not right:
        async with database.transaction() as connection:
            await security_log.note(connection, user.user_id, "password_refused", now, place)
        raise WrongPassword
    return person, place


async def lock_reauthenticated(
    connection: AsyncConnection, user: User, proven: Person
) -> tuple[Person, Place]:
    """Lock the person; raises `WrongPassword` when the password has changed since it was proven."""
    person, place = await accounts.authenticated_person(connection, user)
    if person.password_version != proven.password_version:
        raise WrongPassword
    return person, place
