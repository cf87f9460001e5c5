"""Using the links in mails: each request's links are good once, and for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import accounts
from services.auth.accounts import Person
from services.auth.credentials import EmailAddress
from services.auth.secret_tokens import digest
from shared.contracts.auth import AccountMailKind
from shared.errors import Invalid

TRIES = 10  # passwords that may be tried with one link: each is judged, and then hashed


class LinkInvalid(Invalid):
    code = "link_invalid"


@dataclass(frozen=True)
class Link:
    """A link that works, and the mail it came in."""

    request_id: UUID
    user_id: UUID
    kind: AccountMailKind
    email: str
    ascii_email: str
    tries: int

    @property
    def address(self) -> EmailAddress:
        return EmailAddress(self.email, self.ascii_email)


async def look(connection: AsyncConnection, token: str, now: datetime) -> Link:
    """A link that works, of whatever kind, without using it up; raises `LinkInvalid`."""
    link = await _living(connection, token, now)
    if link.tries >= TRIES:
        raise LinkInvalid
    return link


async def find(
    connection: AsyncConnection, token: str, kinds: Sequence[AccountMailKind], now: datetime
) -> Link:
    """A link of one of these kinds, also where its last try is under way."""
    link = await _living(connection, token, now)
    if link.kind not in kinds:
        raise LinkInvalid
    return link


async def try_password(
    connection: AsyncConnection, token: str, kinds: Sequence[AccountMailKind], now: datetime
) -> Link:
    """Like `find`, and count the try; after the last one `LinkInvalid`, for good."""
    link = await find(connection, token, kinds, now)
    counted = await connection.scalar(
        text(
            "UPDATE mail_requests SET tries = tries + 1"
            " WHERE request_id = :id AND tries < :most RETURNING true"
        ),
        {"id": link.request_id, "most": TRIES},
    )
    if not counted:
        raise LinkInvalid
    return link


async def use(
    connection: AsyncConnection, token: str, kinds: Sequence[AccountMailKind], now: datetime
) -> tuple[Link, Person]:
    """Use a link up and lock its person; raises `LinkInvalid`."""
    link = await find(connection, token, kinds, now)
    person = await accounts.lock(connection, link.user_id)
    if person is None:
        raise LinkInvalid
    used = await connection.scalar(
        text(
            "UPDATE mail_requests SET used_at = :now"
            " WHERE request_id = :id AND used_at IS NULL RETURNING true"
        ),
        {"id": link.request_id, "now": now},
    )
    if not used or not _is_meant(link, person):
        raise LinkInvalid
    return link, person


def _is_meant(link: Link, person: Person) -> bool:
    """Whether it still leads somewhere, now that nobody else changes the person."""
    if link.kind == "confirm_new_email":
        return person.pending_address == link.address
    if link.kind == "confirm_email" and person.email_confirmed_at is not None:
        return False
    return person.address == link.address


async def void(
    connection: AsyncConnection, user_id: UUID, kind: AccountMailKind, now: datetime
) -> None:
    """No link of this kind that the person has works from now on."""
    await connection.execute(
        text(
            "UPDATE mail_requests SET used_at = :now"
            " WHERE user_id = :user_id AND kind = :kind AND used_at IS NULL"
        ),
        {"user_id": user_id, "kind": kind, "now": now},
    )


async def _living(connection: AsyncConnection, token: str, now: datetime) -> Link:
    row = (
        await connection.execute(
            text(
                "SELECT r.request_id, r.user_id, r.kind, r.email, r.ascii_email, r.tries"
                " FROM links l"
                " JOIN mail_requests r USING (request_id) JOIN users u USING (user_id)"
                " WHERE l.token_hash = :hash AND l.expires_at > :now AND r.used_at IS NULL"
                " AND r.ascii_email = CASE r.kind"
                " WHEN 'confirm_new_email' THEN u.pending_ascii_email ELSE u.ascii_email END"
                " AND (r.kind <> 'confirm_email' OR u.email_confirmed_at IS NULL)"
            ),
            {"hash": digest(token), "now": now},
        )
    ).first()
    if row is None:
        raise LinkInvalid
    return Link(*row)
