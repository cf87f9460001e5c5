"""Confirms e-mail addresses by the links mailed to them.

Whoever reads the mail need not be who registered: without a second proof, the owner of an address
would enter the account of a stranger who has registered with it.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.account import ACCOUNT, confirm_email, stream
from services.auth.domain.client_info import ClientInfo, ClientSummary
from services.auth.domain.credentials import WrongCredentials, WrongPassword
from services.auth.domain.limits import Limit, RateLimits
from services.auth.tables import mail_requests, security_log, throttle, users
from services.auth.tables.links import Link
from services.auth.tables.users import Credentials, Person
from services.auth.use_cases import email_addresses, links, throttling
from services.auth.use_cases.authentication import authenticated_person
from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.login import LoginResult, begin_session, check_credentials
from services.auth.use_cases.ownership_proofs import (
    Proof,
    is_logged_in,
    knows_password,
    registered_with,
)
from services.auth.use_cases.unsolicited_mail import request_mail
from shared.contracts.http.auth import ConfirmationKind
from shared.errors import Conflict, Forbidden
from shared.eventsourcing.execute import execute
from shared.web.identity import User


class EmailAlreadyConfirmed(Conflict):
    code = "email_already_confirmed"


class PasswordOrLoginRequired(Forbidden):
    code = "password_or_login_required"


KINDS: tuple[ConfirmationKind, ...] = ("confirm_email", "confirm_new_email")


class Confirmation(NamedTuple):
    """What was confirmed, and the login if one was wanted."""

    kind: ConfirmationKind
    login: LoginResult | None


async def confirm(
    deps: Dependencies,
    *,
    token: str,
    cookie: str,
    password: str | None,
    log_in: bool,
    client_info: ClientInfo,
    now: datetime,
) -> Confirmation:
    """Use a link; the proof is the cookie of the browser that registered, or the password.

    Raises `LinkInvalid`; also `PasswordOrLoginRequired` or `WrongPassword`, and then the link is
    not used up.
    """
    proof = registered_with(cookie)
    if password is not None:
        credentials = await _check_password(deps, token, password, client_info, now)
        proof = knows_password(credentials)
    async with deps.database.transaction() as connection:
        kind, person = await _use_link(connection, deps, token, proof, client_info.summary, now)
        if not log_in:
            return Confirmation(kind, None)
        login = await begin_session(
            connection, deps, person, kind="web", client_info=client_info, now=now
        )
    return Confirmation(kind, login)


async def look_up(
    connection: AsyncConnection, token: str, cookie: str, now: datetime
) -> tuple[Link, bool]:
    """A link that works, and whether this browser has registered its account.

    Raises `LinkInvalid`.
    """
    link = await links.find_untried(connection, token, now)
    person = await users.find(connection, link.user_id)
    return link, person is not None and registered_with(cookie)(link, person)


async def confirm_own(
    connection: AsyncConnection, deps: Dependencies, user: User, token: str, now: datetime
) -> ConfirmationKind:
    """Use a link in a session, which must be one of the link's account; raises like `confirm`."""
    _, client = await authenticated_person(connection, user)
    kind, _ = await _use_link(connection, deps, token, is_logged_in(user), client, now)
    return kind


async def request_again(
    connection: AsyncConnection, deps: Dependencies, user: User, now: datetime
) -> None:
    """Mail again the links to addresses that are not confirmed.

    Raises `TooManyAttempts`, or `EmailAlreadyConfirmed` when there are none.
    """
    person, _ = await authenticated_person(connection, user)
    user_id = person.user_id
    if person.email_confirmed_at is not None and person.pending_email is None:
        raise EmailAlreadyConfirmed
    await throttle.lock(connection, _limits_of_request_again(deps.limits, person))
    await throttling.acquire(connection, deps.limits.confirmation_mails(user_id), now)
    if (pending := person.pending_address) is not None:
        await email_addresses.request_confirmation(connection, deps, user_id, pending, now)
    if person.email_confirmed_at is None:
        await request_mail(connection, deps, user_id, "confirm_email", person.address, now)


async def mark_confirmed(
    connection: AsyncConnection, deps: Dependencies, person: Person, now: datetime
) -> None:
    """The person has used a link mailed to the account's address."""
    await users.set_email_confirmed(connection, person.user_id, person.email_confirmed_at or now)
    await mail_requests.invalidate(connection, person.user_id, "confirm_email", now)
    decide = partial(confirm_email, user_id=person.user_id)
    await execute(connection, deps.store, ACCOUNT, stream(person.user_id), decide)


async def _check_password(
    deps: Dependencies, token: str, password: str, client_info: ClientInfo, now: datetime
) -> Credentials:
    """Of the account that the link belongs to; failures count as failed logins."""
    async with deps.database.transaction() as connection:
        link = await links.find(connection, token, KINDS, now)
        person = await users.find(connection, link.user_id)
    if person is None:
        raise links.LinkInvalid
    try:
        return await check_credentials(
            deps, email=person.email, password=password, client_info=client_info, now=now
        )
    except WrongCredentials:
        raise WrongPassword from None


async def _use_link(
    connection: AsyncConnection,
    deps: Dependencies,
    token: str,
    proof: Proof,
    client: ClientSummary,
    now: datetime,
) -> tuple[ConfirmationKind, Person]:
    link, person = await links.use(connection, token, KINDS, now)
    user_id = person.user_id
    if not proof(link, person):
        raise PasswordOrLoginRequired
    # A session that begins in this transaction counts these after an event was appended.
    await throttle.lock(connection, deps.limits.new_device_mails(user_id))
    if link.kind == "confirm_new_email":
        await email_addresses.complete_change(connection, deps, person, link.address, client, now)
        changed = replace(person, **link.address._asdict(), email_confirmed_at=now)
        return "confirm_new_email", changed
    await mark_confirmed(connection, deps, person, now)
    await security_log.insert(connection, user_id, "email_confirmed", now, client)
    return "confirm_email", person


def _limits_of_request_again(limits: RateLimits, person: Person) -> list[Limit]:
    """All that are counted, because the event of the first mail takes the append lock."""
    pending = person.pending_email or ""
    return [
        *limits.confirmation_mails(person.user_id),
        *limits.unsolicited_mails("already_registered", pending),
        *limits.unsolicited_mails("confirm_new_email", pending),
        *limits.unsolicited_mails("confirm_email", person.email),
    ]
