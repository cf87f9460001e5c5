"""Beginning an account, and confirming its address."""

import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import account_mails, accounts, links, security_log, throttle
from services.auth.accounts import Credentials, Person
from services.auth.client_info import ClientInfo, Place
from services.auth.commands import addresses
from services.auth.commands.unsolicited_mail import write_to, write_to_owner
from services.auth.credentials import EmailAddress
from services.auth.domain.account import ACCOUNT, confirm_email, register, stream
from services.auth.limits import Limits
from services.auth.links import Link
from services.auth.secret_tokens import digest
from services.auth.throttle import Limit
from shared.contracts.auth import Language
from shared.contracts.http.auth import ConfirmationKind
from shared.errors import Conflict, Forbidden
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.ids import new_id
from shared.web.identity import User


class EmailAlreadyConfirmed(Conflict):
    code = "email_already_confirmed"


class PasswordOrLoginRequired(Forbidden):
    code = "password_or_login_required"


KINDS: tuple[ConfirmationKind, ...] = ("confirm_email", "confirm_new_email")
IsTheirs = Callable[[Link, Person], bool]
"""Whether somebody who holds a link has opened the account it belongs to."""


def registered_with(cookie: str) -> IsTheirs:
    """The browser that has registered the account; its other links need another proof."""

    def check(link: Link, person: Person) -> bool:
        kept = person.registration_hash
        known = kept is not None and hmac.compare_digest(kept, digest(cookie))
        return known and link.kind == "confirm_email"

    return check


def knows_password(found: Credentials) -> IsTheirs:
    def check(_: Link, person: Person) -> bool:
        theirs = (person.user_id, person.password_version)
        return theirs == (found.user_id, found.password_version)

    return check


def is_logged_in(user: User) -> IsTheirs:
    def check(_: Link, person: Person) -> bool:
        return person.user_id == user.user_id

    return check


async def register_user(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    *,
    address: EmailAddress,
    password_hash: str,
    language: Language,
    client_info: ClientInfo,
    now: datetime,
    cookie: str = "",
) -> None:
    """Make an account, or tell the owner of the address; the caller can't learn which.

    `cookie` is the secret by which the browser will be known when it comes with the mailed link.
    """
    values = {
        "user_id": new_id(),
        **address._asdict(),
        "password_hash": password_hash,
        "language": language,
        "now": now,
        "registration_hash": digest(cookie) if cookie else None,
    }
    user_id = await connection.scalar(
        text(
            "INSERT INTO users (user_id, email, ascii_email, password_hash, language, created_at,"
            " registration_hash) VALUES (:user_id, :email, :ascii_email, :password_hash, :language,"
            " :now, :registration_hash)"
            " ON CONFLICT (email) DO NOTHING RETURNING user_id"
        ),
        values,
    )
    if user_id is None:
        await write_to_owner(connection, store, limits, "already_registered", address.email, now)
        return
    await security_log.note(connection, user_id, "registered", now, client_info.place)
    request_id = None
    if await throttle.allows(connection, limits.mail_to("confirm_email", address.email), now):
        request_id = await account_mails.note(connection, user_id, "confirm_email", address, now)
    decide = partial(register, user_id=user_id, language=language, request_id=request_id)
    await execute(connection, store, ACCOUNT, stream(user_id), decide)


async def confirm(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    token: str,
    is_theirs: IsTheirs,
    place: Place,
    now: datetime,
) -> tuple[ConfirmationKind, Person]:
    """Use a link that proves an address.

    Raises `LinkInvalid`, or `PasswordOrLoginRequired`, which keeps the link.

    Whoever reads the mail need not be who opened the account: without a second proof a stranger
    who has registered with an address would be let in by its owner.
    """
    link, person = await links.use(connection, token, KINDS, now)
    if not is_theirs(link, person):
        raise PasswordOrLoginRequired
    await throttle.hold(connection, limits.sign_in_mail(person.user_id))  # of a session that begins
    if link.kind == "confirm_new_email":
        await addresses.complete_change(connection, store, person, link.address, place, now)
        changed = replace(person, **link.address._asdict(), email_confirmed_at=now)
        return "confirm_new_email", changed
    await mark_confirmed(connection, store, person, now)
    await security_log.note(connection, person.user_id, "email_confirmed", now, place)
    return "confirm_email", person


async def mark_confirmed(
    connection: AsyncConnection, store: EventStore, person: Person, now: datetime
) -> None:
    """The person has used a link mailed to the account's address."""
    confirmed_at = person.email_confirmed_at or now
    await accounts.change(
        connection, person.user_id, email_confirmed_at=confirmed_at, registration_hash=None
    )
    await links.void(connection, person.user_id, "confirm_email", now)
    decide = partial(confirm_email, user_id=person.user_id)
    await execute(connection, store, ACCOUNT, stream(person.user_id), decide)


async def ask_again(
    connection: AsyncConnection, store: EventStore, limits: Limits, user: User, now: datetime
) -> None:
    """Send the links once more that are waited for.

    Raises `TooManyAttempts`, or `EmailAlreadyConfirmed` when none is.
    """
    person, _ = await accounts.authenticated_person(connection, user)
    if person.email_confirmed_at is not None and person.pending_email is None:
        raise EmailAlreadyConfirmed
    await throttle.hold(connection, _counted_when_asked_again(limits, person))
    await throttle.enter(connection, limits.confirmation(person.user_id), now)
    user_id = person.user_id
    if (pending := person.pending_address) is not None:
        await addresses.ask_new_owner(connection, store, limits, user_id, pending, now)
    if person.email_confirmed_at is None:
        await write_to(connection, store, limits, user_id, "confirm_email", person.address, now)


def _counted_when_asked_again(limits: Limits, person: Person) -> list[Limit]:
    """All of it, for the first mail's event takes the append lock."""
    waits = person.pending_email or ""
    return [
        *limits.confirmation(person.user_id),
        *limits.mail_to("already_registered", waits),
        *limits.mail_to("confirm_new_email", waits),
        *limits.mail_to("confirm_email", person.email),
    ]
