"""Logging in."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import (
    account_mails,
    accounts,
    challenges,
    devices,
    links,
    second_factor,
    security_log,
    sessions,
    throttle,
)
from services.auth.accounts import Credentials, Person
from services.auth.adapters.encryption import Encryption
from services.auth.adapters.passwords import PasswordHasher
from services.auth.challenges import Challenge, ChallengeInvalid
from services.auth.client_info import ClientInfo
from services.auth.commands.second_factor import WrongSecondFactorCode, tell, try_code
from services.auth.commands.unsolicited_mail import steady_time, write_to_owner
from services.auth.credentials import WrongCredentials, spelling
from services.auth.limits import Limits
from services.auth.sessions import Session
from shared.contracts.http.auth import SessionKind
from shared.db import Database
from shared.eventsourcing.store import EventStore


async def check_credentials(
    database: Database,
    store: EventStore,
    hasher: PasswordHasher,
    limits: Limits,
    *,
    email: str,
    password: str,
    client_info: ClientInfo,
    now: datetime,
) -> Credentials:
    """Whose they are; raises `WrongCredentials`, `TooManyAttempts` or `PasswordHashingBusy`.

    An unknown address takes the same statements and the same hash as a wrong password.
    """
    account = spelling(email)
    async with database.transaction() as connection:
        found = await accounts.credentials(connection, account, client_info)
        counted = limits.login(account, client_info, known_device=found.known_device)
        await throttle.check(connection, counted, now)
        await throttle.enter(connection, limits.attempts(account, client_info), now)
    right = await hasher.verify(password, found.password_hash, client_info.widest)
    async with database.transaction() as connection:
        pair = limits.pair(account, client_info)
        await throttle.hold(connection, [*counted, *pair])
        # Again, and also for the right password: of many parallel tries ten were answered.
        await throttle.enter(connection, counted, now, counts=not right)
        if right:
            await throttle.forget(connection, pair, now)
        shut = not right and await throttle.is_used_up(connection, limits.account(account), now)
    if right:
        return found
    async with database.transaction() as connection:
        await security_log.note(connection, found.user_id, "sign_in_failed", now, client_info.place)
    if shut:
        await _offer_link(database, store, limits, account, now)
    raise WrongCredentials


async def _offer_link(
    database: Database, store: EventStore, limits: Limits, account: str, now: datetime
) -> None:
    """Mail a way in to the owner, whose right password is refused elsewhere from now on."""
    async with steady_time(), database.transaction() as connection:
        await write_to_owner(connection, store, limits, "log_in", account, now, confirmed=True)


async def still_right(
    connection: AsyncConnection, found: Credentials, new_hash: str | None
) -> Person:
    """Lock whose credentials these are; `new_hash` replaces one of an old cost.

    Raises `WrongCredentials` when the password has changed meanwhile.
    """
    person = await accounts.lock(connection, found.user_id)
    if person is None or person.password_version != found.password_version:
        raise WrongCredentials
    if new_hash is not None:
        await accounts.change(connection, person.user_id, password_hash=new_hash)
    return person


async def use_link(connection: AsyncConnection, token: str, now: datetime) -> Person:
    """Lock whose link to log in this is, and use up all such links; raises `LinkInvalid`."""
    _, person = await links.use(connection, token, ["log_in"], now)
    await links.void(connection, person.user_id, "log_in", now)
    return person


async def begin_session(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    person: Person,
    *,
    kind: SessionKind,
    client_info: ClientInfo,
    now: datetime,
) -> Session | Challenge:
    """A session for somebody who has proven who they are, and is locked.

    Of a person with a second factor only a challenge, whatever way led here: see `finish`.
    """
    if await second_factor.is_on(connection, person.user_id):
        return await challenges.make(connection, person, kind, now)
    return await _begin(connection, store, limits, person, kind, client_info, now)


async def finish(
    database: Database,
    store: EventStore,
    limits: Limits,
    encryption: Encryption,
    *,
    challenge: str,
    code: str,
    client_info: ClientInfo,
    now: datetime,
) -> tuple[Session, Person]:
    """The session that a challenge was made for.

    Raises `ChallengeInvalid`, `WrongSecondFactorCode`.

    What has used up a code commits only together with its session; a wrong code commits, too.
    """
    place = client_info.place
    async with database.transaction() as connection:
        asked = await challenges.find(connection, challenge, now)
        person = await accounts.lock(connection, asked.user_id)
        if person is None or person.password_version != asked.password_version:
            raise ChallengeInvalid
        proof = await try_code(connection, limits, encryption, person, code, place, now)
        if proof is not None:
            await challenges.use(connection, challenge)
            session = await _begin(connection, store, limits, person, asked.kind, client_info, now)
        if proof == "recovery_code":
            await tell(connection, store, person, "recovery_code_used", place, now)
    if proof is None:
        raise WrongSecondFactorCode
    return session, person


async def _begin(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    person: Person,
    kind: SessionKind,
    client_info: ClientInfo,
    now: datetime,
) -> Session:
    session = await sessions.begin(connection, person.user_id, kind, now, client_info.place)
    await security_log.note(connection, person.user_id, "signed_in", now, client_info.place)
    if await devices.record_device(connection, person.user_id, client_info, now):
        await _report(connection, store, limits, person, client_info, now)
    return session


async def _report(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    person: Person,
    client_info: ClientInfo,
    now: datetime,
) -> None:
    """Mail that a new device was used, to whom it concerns and who wants to know."""
    if person.email_confirmed_at is None or not person.mail_on_new_device:
        return
    if not await throttle.allows(connection, limits.sign_in_mail(person.user_id), now):
        return
    details = account_mails.where(client_info.place, now)
    await account_mails.request(
        connection, store, person.user_id, "new_sign_in", person.address, now, **details
    )
