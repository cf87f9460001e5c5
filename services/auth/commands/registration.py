"""Beginning an account, and confirming its address."""

from datetime import datetime
from functools import partial
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import account_mails, accounts, links, security_log, throttle
from services.auth.accounts import Person
from services.auth.commands import addresses
from services.auth.commands.strangers import write_to, write_to_owner
from services.auth.domain.account import ACCOUNT, confirm_email, register, stream
from services.auth.limits import Limits
from services.auth.visitors import Visitor
from shared.contracts.auth import Language
from shared.errors import Conflict
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.ids import new_id
from shared.web.identity import User

Confirmed = Literal["confirm_email", "confirm_new_email"]


class NothingToConfirm(Conflict):
    """Your address is confirmed already."""

    code = "nothing_to_confirm"


_KINDS: tuple[Confirmed, ...] = ("confirm_email", "confirm_new_email")


async def register_user(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    *,
    email: str,
    password_hash: str,
    language: Language,
    visitor: Visitor,
    now: datetime,
) -> None:
    """Make an account, or tell the owner of the address; the caller can't learn which."""
    values = {
        "user_id": new_id(),
        "email": email,
        "password_hash": password_hash,
        "language": language,
        "now": now,
    }
    user_id = await connection.scalar(
        text(
            "INSERT INTO users (user_id, email, password_hash, language, created_at)"
            " VALUES (:user_id, :email, :password_hash, :language, :now)"
            " ON CONFLICT (email) DO NOTHING RETURNING user_id"
        ),
        values,
    )
    if user_id is None:
        await write_to_owner(connection, store, limits, "already_registered", email, now)
        return
    await security_log.note(connection, user_id, "registered", now, visitor.place)
    request_id = None
    if await throttle.allows(connection, limits.mail_to("confirm_email", email), now):
        request_id = await account_mails.note(connection, user_id, "confirm_email", email, now)
    decide = partial(register, user_id=user_id, language=language, request_id=request_id)
    await execute(connection, store, ACCOUNT, stream(user_id), decide)


async def confirm(
    connection: AsyncConnection, store: EventStore, token: str, visitor: Visitor, now: datetime
) -> Confirmed:
    """Use a link that proves an address; raises `LinkInvalid`."""
    link, person = await links.use(connection, token, _KINDS, now)
    if link.kind == "confirm_new_email":
        await addresses.complete_change(connection, store, person, link.email, visitor, now)
        return "confirm_new_email"
    await mark_confirmed(connection, store, person, now)
    await security_log.note(connection, person.user_id, "email_confirmed", now, visitor.place)
    return "confirm_email"


async def mark_confirmed(
    connection: AsyncConnection, store: EventStore, person: Person, now: datetime
) -> None:
    """The person has used a link mailed to the account's address."""
    confirmed_at = person.email_confirmed_at or now
    await accounts.change(connection, person.user_id, email_confirmed_at=confirmed_at)
    decide = partial(confirm_email, user_id=person.user_id)
    await execute(connection, store, ACCOUNT, stream(person.user_id), decide)


async def ask_again(
    connection: AsyncConnection, store: EventStore, limits: Limits, user: User, now: datetime
) -> None:
    """Send the links once more that are waited for.

    Raises `TooManyAttempts`, or `NothingToConfirm` when none is.

    First the other person's row, then what takes the append lock.
    """
    person, _ = await accounts.acting(connection, user)
    if person.email_confirmed_at is not None and person.pending_email is None:
        raise NothingToConfirm
    await throttle.enter(connection, limits.confirmation(person.user_id), now)
    user_id = person.user_id
    if person.pending_email is not None:
        await addresses.ask_new_owner(connection, store, limits, user_id, person.pending_email, now)
    if person.email_confirmed_at is None:
        await write_to(connection, store, limits, user_id, "confirm_email", person.email, now)
