"""Links in mails: each request's links work once, and for a limited time."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.tables import links, mail_requests, users
from services.auth.tables.links import Link
from services.auth.tables.users import Person
from shared.contracts.auth import AccountMailKind
from shared.errors import Invalid

MAX_TRIES = 10  # passwords that may be tried with one link: each is judged, and then hashed


class LinkInvalid(Invalid):
    code = "link_invalid"


async def find(
    connection: AsyncConnection, token: str, kinds: Sequence[AccountMailKind], now: datetime
) -> Link:
    """A link of one of these kinds, even if its last try is in progress; raises `LinkInvalid`."""
    link = await links.find_valid(connection, token, now)
    if link is None or link.kind not in kinds:
        raise LinkInvalid
    return link


async def find_untried(connection: AsyncConnection, token: str, now: datetime) -> Link:
    """A link of any kind that has tries left; raises `LinkInvalid`."""
    link = await links.find_valid(connection, token, now)
    if link is None or link.tries >= MAX_TRIES:
        raise LinkInvalid
    return link


async def count_try(
    connection: AsyncConnection, token: str, kinds: Sequence[AccountMailKind], now: datetime
) -> Link:
    """Like `find`; raises `LinkInvalid` also when there were `MAX_TRIES` before."""
    link = await find(connection, token, kinds, now)
    if not await mail_requests.count_try(connection, link.request_id, MAX_TRIES):
        raise LinkInvalid
    return link


async def use(
    connection: AsyncConnection, token: str, kinds: Sequence[AccountMailKind], now: datetime
) -> tuple[Link, Person]:
    """Use a link up and lock its person; raises `LinkInvalid`."""
    link = await find(connection, token, kinds, now)
    person = await users.lock(connection, link.user_id)
    if person is None:
        raise LinkInvalid
    used = await mail_requests.set_used(connection, link.request_id, now)
    if not used or not _is_relevant(link, person):
        raise LinkInvalid
    return link, person


def _is_relevant(link: Link, person: Person) -> bool:
    """Checked again now that nobody else changes the person."""
    if link.kind == "confirm_new_email":
        return person.pending_address == link.address
    if link.kind == "confirm_email" and person.email_confirmed_at is not None:
        return False
    return person.address == link.address
