"""The one row that knows a person: address, password hash, preferences."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.client_info import ClientInfo, Place
from services.auth.credentials import EmailAddress
from shared.contracts.auth import Language
from shared.contracts.http.auth import Theme
from shared.errors import Unauthenticated
from shared.web.identity import User


@dataclass(frozen=True)
class Person:
    """The row."""

    user_id: UUID
    email: str
    ascii_email: str
    password_hash: str
    password_version: int
    language: Language
    created_at: datetime
    email_confirmed_at: datetime | None
    pending_email: str | None
    pending_ascii_email: str | None
    time_zone: str
    theme: Theme
    mail_on_new_device: bool
    registration_hash: bytes | None = None

    @property
    def address(self) -> EmailAddress:
        return EmailAddress(self.email, self.ascii_email)

    @property
    def pending_address(self) -> EmailAddress | None:
        if self.pending_email is None or self.pending_ascii_email is None:
            return None
        return EmailAddress(self.pending_email, self.pending_ascii_email)


# Not all columns: a migration may add one while this code runs.
_COLUMNS = ", ".join(field.name for field in fields(Person))
_FIND = f"SELECT {_COLUMNS} FROM users WHERE user_id = :user_id"  # noqa: S608 - no value is in it
_LOCK = f"{_FIND} FOR NO KEY UPDATE"


class Owner(NamedTuple):
    """Whose an address is, and how they have typed it."""

    user_id: UUID
    address: EmailAddress


class Credentials(NamedTuple):
    """What a login is compared with; nothing for an unknown address."""

    user_id: UUID | None = None
    password_hash: str | None = None
    password_version: int | None = None
    known_device: bool = False


async def credentials(
    connection: AsyncConnection, email: str, client_info: ClientInfo
) -> Credentials:
    row = (
        await connection.execute(
            text(
                "SELECT u.user_id, u.password_hash, u.password_version,"
                " :cookie AND EXISTS (SELECT FROM devices d"
                " WHERE d.user_id = u.user_id AND d.device_hash = :device) AS known_device"
                " FROM users u WHERE u.email = :email"
            ),
            {"email": email, "cookie": bool(client_info.cookie), "device": client_info.device_hash},
        )
    ).first()
    return Credentials(*row) if row else Credentials()


async def owner(
    connection: AsyncConnection, email: str, *, confirmed: bool = False
) -> Owner | None:
    """Whose an address is, or has even been proven to be.

    The person can't be erased until the transaction ends.
    """
    row = (
        await connection.execute(
            text(
                "SELECT user_id, ascii_email FROM users WHERE email = :email"
                " AND (email_confirmed_at IS NOT NULL OR NOT :confirmed) FOR KEY SHARE"
            ),
            {"email": email, "confirmed": confirmed},
        )
    ).first()
    return Owner(row.user_id, EmailAddress(email, row.ascii_email)) if row else None


async def find(connection: AsyncConnection, user_id: UUID | None) -> Person | None:
    """The person, as they are at this moment."""
    return await _person(connection, _FIND, user_id)


async def lock(connection: AsyncConnection, user_id: UUID | None) -> Person | None:
    """The person, whom nobody else changes until the transaction ends."""
    return await _person(connection, _LOCK, user_id)


async def _person(
    connection: AsyncConnection, statement: str, user_id: UUID | None
) -> Person | None:
    row = (await connection.execute(text(statement), {"user_id": user_id})).mappings().first()
    return Person(**row) if row else None


async def authenticated_person(connection: AsyncConnection, user: User) -> tuple[Person, Place]:
    """Like `lock`, for the person who asks, and where their session is.

    The gateway caches for half a minute that a session is active; a command must not rely on
    that. Raises `Unauthenticated` when it has ended.
    """
    person = await lock(connection, user.user_id)
    place = await place_of(connection, user)
    if person is None:
        raise Unauthenticated
    return person, place


async def place_of(connection: AsyncConnection, user: User) -> Place:
    """Where the session is that asks, for what only reads; raises like `acting`."""
    place = (
        await connection.execute(
            text(
                "SELECT device, address FROM sessions"
                " WHERE session_id = :session_id AND user_id = :user_id AND ended_at IS NULL"
            ),
            {"session_id": user.session_id, "user_id": user.user_id},
        )
    ).first()
    if place is None:
        raise Unauthenticated
    return Place(*place)


async def wish_for(
    connection: AsyncConnection, user_id: UUID, address: EmailAddress | None
) -> None:
    """Note the address that the person wants to have instead; None: no other."""
    email, ascii_email = address or (None, None)
    await change(connection, user_id, pending_email=email, pending_ascii_email=ascii_email)


async def change(connection: AsyncConnection, user_id: UUID, **values: Any) -> None:
    """Write columns of the row; their names are ours."""
    columns = ", ".join(f"{name} = :{name}" for name in values)
    await connection.execute(
        text(f"UPDATE users SET {columns} WHERE user_id = :user_id"),  # noqa: S608 - no value is in it
        {**values, "user_id": user_id},
    )
