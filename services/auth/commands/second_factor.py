"""The second factor: begun, confirmed by a first code, proven by others, switched off."""

from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import account_mails, codes, second_factor, security_log, throttle
from services.auth.accounts import Person
from services.auth.adapters.encryption import Encryption, Unreadable
from services.auth.client_info import Place
from services.auth.limits import Limits
from shared.errors import Conflict, Invalid
from shared.eventsourcing.store import EventStore
from shared.logging import log

News = Literal["second_factor_enabled", "second_factor_disabled", "recovery_code_used"]
Proof = Literal["app", "recovery_code"]


class WrongSecondFactorCode(Invalid):
    code = "wrong_second_factor_code"


class SecondFactorAlreadyEnabled(Conflict):
    code = "second_factor_already_enabled"


class SecondFactorNotEnabled(Conflict):
    code = "second_factor_not_enabled"


class EmailUnconfirmed(Conflict):
    code = "email_unconfirmed"


async def begin(
    connection: AsyncConnection, encryption: Encryption, person: Person, now: datetime
) -> str:
    """A secret for the person's app. Raises `EmailUnconfirmed` or `SecondFactorAlreadyEnabled`.

    Without a confirmed address the account may be that of a stranger, who would shut its owner out.
    """
    if person.email_confirmed_at is None:
        raise EmailUnconfirmed
    if await second_factor.is_on(connection, person.user_id):
        raise SecondFactorAlreadyEnabled
    secret = codes.new_secret()
    encrypted = encryption.encrypt(secret, person.user_id)
    await second_factor.begin(connection, person.user_id, encrypted, now)
    return secret


async def check_begun(connection: AsyncConnection, person: Person, now: datetime) -> None:
    """Check that a factor can be enabled now.

    Raises:
        SecondFactorAlreadyEnabled: one is.
        SecondFactorNotEnabled: none was begun within the hour.
    """
    if await second_factor.is_on(connection, person.user_id):
        raise SecondFactorAlreadyEnabled
    if await second_factor.secret(connection, person.user_id, now, begun=True) is None:
        raise SecondFactorNotEnabled


async def check_on(connection: AsyncConnection, person: Person) -> None:
    """Raises `SecondFactorNotEnabled`."""
    if not await second_factor.is_on(connection, person.user_id):
        raise SecondFactorNotEnabled


async def try_code(
    connection: AsyncConnection,
    limits: Limits,
    encryption: Encryption,
    person: Person,
    code: str,
    place: Place,
    now: datetime,
    *,
    begun: bool = False,
) -> Proof | None:
    """Use a code up; None for a wrong one, which is counted.

    Where it is None, commit, then raise `WrongSecondFactorCode`.

    The person is locked, so that of parallel tries one is right and ten are answered. Raises
    `TooManyAttempts`. `begun` asks for a code of the factor that is being set up.
    """
    counted = limits.codes(person.user_id)
    await throttle.check(connection, counted, now)
    proof = await _use(connection, encryption, person, codes.bare(code), now, begun=begun)
    if proof is None:
        await throttle.enter(connection, counted, now)
        await security_log.note(connection, person.user_id, "second_factor_refused", now, place)
    return proof


async def enable(
    connection: AsyncConnection, store: EventStore, person: Person, place: Place, now: datetime
) -> list[str]:
    """The recovery codes, which are told this once."""
    await second_factor.enable(connection, person.user_id, now)
    shown = await _new_recovery_codes(connection, person)
    await tell(connection, store, person, "second_factor_enabled", place, now)
    return shown


async def disable(
    connection: AsyncConnection, store: EventStore, person: Person, place: Place, now: datetime
) -> None:
    await second_factor.remove(connection, person.user_id)
    await tell(connection, store, person, "second_factor_disabled", place, now)


async def renew_recovery_codes(
    connection: AsyncConnection, person: Person, place: Place, now: datetime
) -> list[str]:
    await security_log.note(connection, person.user_id, "recovery_codes_made", now, place)
    return await _new_recovery_codes(connection, person)


async def tell(
    connection: AsyncConnection,
    store: EventStore,
    person: Person,
    news: News,
    place: Place,
    now: datetime,
) -> None:
    """In the security log and by mail; after whatever is throttled."""
    await security_log.note(connection, person.user_id, news, now, place)
    details = account_mails.where(place, now)
    await account_mails.request(
        connection, store, person.user_id, news, person.address, now, **details
    )


async def _use(
    connection: AsyncConnection,
    encryption: Encryption,
    person: Person,
    code: str,
    now: datetime,
    *,
    begun: bool,
) -> Proof | None:
    kept = await second_factor.secret(connection, person.user_id, now, begun=begun)
    if kept is None:
        return None
    try:
        step = codes.step_of(encryption.decrypt(kept, person.user_id), code, now)
    except Unreadable:
        log.error("second_factor_unreadable", user_id=str(person.user_id))
        step = None
    if step is not None and await second_factor.use_step(connection, person.user_id, step):
        return "app"
    if await second_factor.use_recovery_code(connection, person.user_id, code):
        return "recovery_code"
    return None


async def _new_recovery_codes(connection: AsyncConnection, person: Person) -> list[str]:
    shown = codes.new_recovery_codes()
    await second_factor.keep_recovery_codes(connection, person.user_id, shown)
    return shown
