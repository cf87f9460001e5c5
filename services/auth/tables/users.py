"""Table `users`: e-mail address, password hash and preferences of a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientInfo
from services.auth.domain.credentials import EmailAddress
from shared.contracts.auth import Language
from shared.contracts.http.auth import Theme

# Not all columns: a migration may add one while this code runs.
_COLUMNS = """
user_id, email, ascii_email, password_hash, password_version, language, created_at,
email_confirmed_at, pending_email, pending_ascii_email, time_zone, theme, mail_on_new_device,
registration_hash
"""
_INSERT = text("""
INSERT INTO users (user_id, email, ascii_email, password_hash, language, created_at,
                   registration_hash)
VALUES (:user_id, :email, :ascii_email, :password_hash, :language, :now, :registration_hash)
ON CONFLICT (email) DO NOTHING RETURNING user_id
""")
_FIND = text(f"SELECT {_COLUMNS} FROM users WHERE user_id = :user_id")  # noqa: S608
_LOCK = text(f"""
SELECT {_COLUMNS} FROM users WHERE user_id = :user_id FOR NO KEY UPDATE
""")  # noqa: S608
_FIND_CREDENTIALS = text("""
SELECT u.user_id, u.password_hash, u.password_version,
       :cookie AND EXISTS (
           SELECT FROM devices d WHERE d.user_id = u.user_id AND d.device_hash = :device
       ) AS known_device
FROM users u WHERE u.email = :email
""")
_FIND_OWNER = text("""
SELECT user_id, ascii_email FROM users
WHERE email = :email AND (email_confirmed_at IS NOT NULL OR NOT :confirmed) FOR KEY SHARE
""")
_FIND_PROFILE = text("""
SELECT user_id, email, ascii_email, email_confirmed_at IS NOT NULL AS email_confirmed,
       pending_email, pending_ascii_email, language, time_zone, theme, mail_on_new_device,
       created_at
FROM users WHERE user_id = :user_id
""")
_FIND_CONTACTS = text("""
SELECT user_id, ascii_email AS email, language, time_zone,
       email_confirmed_at IS NOT NULL AS confirmed
FROM users WHERE user_id = ANY(:user_ids)
""")
_SET_PENDING_EMAIL = text("""
UPDATE users SET pending_email = :email, pending_ascii_email = :ascii_email
WHERE user_id = :user_id
""")
_SET_EMAIL = text("""
UPDATE users SET email = :email, ascii_email = :ascii_email, email_confirmed_at = :now
WHERE user_id = :user_id
""")
_SET_EMAIL_CONFIRMED = text("""
UPDATE users SET email_confirmed_at = :confirmed_at, registration_hash = NULL
WHERE user_id = :user_id
""")
_SET_PASSWORD = text("""
UPDATE users SET password_hash = :password_hash, password_version = :password_version
WHERE user_id = :user_id
""")
_SET_PASSWORD_HASH = text("""
UPDATE users SET password_hash = :password_hash WHERE user_id = :user_id
""")
_PREFERENCES = ("language", "time_zone", "theme", "mail_on_new_device")
_SET_PREFERENCES = text("""
UPDATE users SET language = coalesce(:language, language),
                 time_zone = coalesce(:time_zone, time_zone),
                 theme = coalesce(:theme, theme),
                 mail_on_new_device = coalesce(:mail_on_new_device, mail_on_new_device)
WHERE user_id = :user_id
""")
_DELETE = text("DELETE FROM users WHERE user_id = :user_id")


@dataclass(frozen=True)
class Person:
    """A row."""

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


class NewUser(NamedTuple):
    """What is stored when somebody registers."""

    user_id: UUID
    email: str
    ascii_email: str
    password_hash: str
    language: Language
    registration_hash: bytes | None

    @property
    def address(self) -> EmailAddress:
        return EmailAddress(self.email, self.ascii_email)


class Owner(NamedTuple):
    """Who has an e-mail address, and the address as they have typed it."""

    user_id: UUID
    address: EmailAddress


class Credentials(NamedTuple):
    """What a login is compared with; all None for an unknown address."""

    user_id: UUID | None = None
    password_hash: str | None = None
    password_version: int | None = None
    known_device: bool = False


async def insert(connection: AsyncConnection, user: NewUser, now: datetime) -> bool:
    """False when somebody has the address already."""
    return await connection.scalar(_INSERT, {**user._asdict(), "now": now}) is not None


async def find(connection: AsyncConnection, user_id: UUID) -> Person | None:
    return await _person(connection, _FIND, user_id)


async def lock(connection: AsyncConnection, user_id: UUID | None) -> Person | None:
    """Nobody else changes the row until the transaction ends."""
    return await _person(connection, _LOCK, user_id)


async def _person(
    connection: AsyncConnection, statement: TextClause, user_id: UUID | None
) -> Person | None:
    row = (await connection.execute(statement, {"user_id": user_id})).mappings().first()
    return Person(**row) if row else None


async def find_credentials(
    connection: AsyncConnection, email: str, client_info: ClientInfo
) -> Credentials:
    values = {
        "email": email,
        "cookie": bool(client_info.cookie),
        "device": client_info.device_hash,
    }
    row = (await connection.execute(_FIND_CREDENTIALS, values)).first()
    return Credentials(*row) if row else Credentials()


async def find_owner(
    connection: AsyncConnection, email: str, *, confirmed: bool = False
) -> Owner | None:
    """Who has an address; with `confirmed`, only if they have proven that it is theirs.

    The row can't be deleted until the transaction ends.
    """
    values = {"email": email, "confirmed": confirmed}
    row = (await connection.execute(_FIND_OWNER, values)).first()
    return Owner(row.user_id, EmailAddress(email, row.ascii_email)) if row else None


async def find_profile(connection: AsyncConnection, user_id: UUID) -> dict[str, Any] | None:
    """The columns that the person may see, and `email_confirmed`."""
    row = (await connection.execute(_FIND_PROFILE, {"user_id": user_id})).mappings().first()
    return dict(row) if row else None


async def find_contacts(connection: AsyncConnection, user_ids: list[UUID]) -> list[dict[str, Any]]:
    """Those who exist: `user_id`, `email` in ASCII, `language`, `time_zone`, `confirmed`."""
    rows = await connection.execute(_FIND_CONTACTS, {"user_ids": user_ids})
    return [dict(row) for row in rows.mappings()]


async def set_pending_email(
    connection: AsyncConnection, user_id: UUID, address: EmailAddress | None
) -> None:
    """Store the address that the person wants to change to, or remove it."""
    email, ascii_email = address or (None, None)
    values = {"user_id": user_id, "email": email, "ascii_email": ascii_email}
    await connection.execute(_SET_PENDING_EMAIL, values)


async def set_email(
    connection: AsyncConnection, user_id: UUID, address: EmailAddress, now: datetime
) -> None:
    """A confirmed address. Raises `IntegrityError` when somebody else has it."""
    await connection.execute(_SET_EMAIL, {"user_id": user_id, **address._asdict(), "now": now})


async def set_email_confirmed(
    connection: AsyncConnection, user_id: UUID, confirmed_at: datetime
) -> None:
    """Also forget the browser that registered."""
    values = {"user_id": user_id, "confirmed_at": confirmed_at}
    await connection.execute(_SET_EMAIL_CONFIRMED, values)


async def set_password(
    connection: AsyncConnection, user_id: UUID, password_hash: str, password_version: int
) -> None:
    values = {
        "user_id": user_id,
        "password_hash": password_hash,
        "password_version": password_version,
    }
    await connection.execute(_SET_PASSWORD, values)


async def set_password_hash(connection: AsyncConnection, user_id: UUID, password_hash: str) -> None:
    """Another hash of the same password."""
    values = {"user_id": user_id, "password_hash": password_hash}
    await connection.execute(_SET_PASSWORD_HASH, values)


async def set_preferences(
    connection: AsyncConnection, user_id: UUID, changes: Mapping[str, Any]
) -> None:
    """Change those that are given."""
    values = {name: changes.get(name) for name in _PREFERENCES}
    await connection.execute(_SET_PREFERENCES, {"user_id": user_id, **values})


async def delete(connection: AsyncConnection, user_id: UUID) -> None:
    """Rows of all other tables that refer to the person are deleted with it."""
    await connection.execute(_DELETE, {"user_id": user_id})
