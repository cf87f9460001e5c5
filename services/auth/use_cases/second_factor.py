"""The second factor: set up and confirmed by a first code, checked, disabled."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain import codes
from services.auth.tables import recovery_codes, second_factors, security_log
from services.auth.tables.users import Person
from services.auth.use_cases.authentication import authenticated_person, check_session
from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.reauthentication import lock_reauthenticated, reauthenticate
from services.auth.use_cases.second_factor_codes import WrongSecondFactorCode, notify, try_code
from shared.contracts.http.auth import SecondFactor
from shared.errors import Conflict
from shared.web.identity import User


class SecondFactorAlreadyEnabled(Conflict):
    code = "second_factor_already_enabled"


class SecondFactorNotEnabled(Conflict):
    code = "second_factor_not_enabled"


class EmailUnconfirmed(Conflict):
    code = "email_unconfirmed"


class Setup(NamedTuple):
    """What an app needs to show codes; the person sees it only once."""

    secret: str
    uri: str


async def read_state(connection: AsyncConnection, user: User) -> SecondFactor:
    await check_session(connection, user)
    return await second_factors.find_state(connection, user.user_id)


async def set_up(deps: Dependencies, user: User, password: str, now: datetime) -> Setup:
    """A secret, to be confirmed by a code.

    Raises `EmailUnconfirmed` or `SecondFactorAlreadyEnabled`.

    Without a confirmed address the account may be that of a stranger, who would lock out the owner
    of the address.
    """
    reauthenticated = await reauthenticate(deps, user, password, now)
    async with deps.database.transaction() as connection:
        person, _ = await lock_reauthenticated(connection, user, reauthenticated)
        if person.email_confirmed_at is None:
            raise EmailUnconfirmed
        if await second_factors.is_enabled(connection, person.user_id):
            raise SecondFactorAlreadyEnabled
        secret = codes.new_totp_secret()
        encrypted = deps.encryption.encrypt(secret, person.user_id)
        await second_factors.insert(connection, person.user_id, encrypted, now)
    return Setup(secret, codes.provisioning_uri(secret, person.email))


async def enable(deps: Dependencies, user: User, code: str, now: datetime) -> list[str]:
    """Confirm the secret; return the recovery codes, which the person sees only once."""
    async with deps.database.transaction() as connection:
        person, client = await authenticated_person(connection, user)
        await _check_unconfirmed(connection, person, now)
        accepted = await try_code(connection, deps, person, code, client, now, unconfirmed=True)
        if accepted is not None:
            await second_factors.set_enabled(connection, person.user_id, now)
            new_codes = await _replace_recovery_codes(connection, person)
            await notify(connection, deps, person, "second_factor_enabled", client, now)
    if accepted is None:
        raise WrongSecondFactorCode
    return new_codes


async def disable(
    deps: Dependencies, *, user: User, password: str, code: str, now: datetime
) -> None:
    reauthenticated = await reauthenticate(deps, user, password, now)
    async with deps.database.transaction() as connection:
        person, client = await lock_reauthenticated(connection, user, reauthenticated)
        await _check_enabled(connection, person)
        accepted = await try_code(connection, deps, person, code, client, now)
        if accepted is not None:
            await second_factors.delete(connection, person.user_id)
            await notify(connection, deps, person, "second_factor_disabled", client, now)
    if accepted is None:
        raise WrongSecondFactorCode


async def renew_recovery_codes(
    deps: Dependencies, *, user: User, password: str, code: str, now: datetime
) -> list[str]:
    """The former ones are invalid from now on."""
    reauthenticated = await reauthenticate(deps, user, password, now)
    async with deps.database.transaction() as connection:
        person, client = await lock_reauthenticated(connection, user, reauthenticated)
        await _check_enabled(connection, person)
        accepted = await try_code(connection, deps, person, code, client, now)
        if accepted is not None:
            user_id = person.user_id
            await security_log.insert(connection, user_id, "recovery_codes_made", now, client)
            new_codes = await _replace_recovery_codes(connection, person)
        if accepted == "recovery_code":
            await notify(connection, deps, person, "recovery_code_used", client, now)
    if accepted is None:
        raise WrongSecondFactorCode
    return new_codes


async def _check_unconfirmed(connection: AsyncConnection, person: Person, now: datetime) -> None:
    """Check that a secret waits to be confirmed.

    Raises:
        SecondFactorAlreadyEnabled: one was confirmed before.
        SecondFactorNotEnabled: none was set up within the hour.
    """
    if await second_factors.is_enabled(connection, person.user_id):
        raise SecondFactorAlreadyEnabled
    user_id = person.user_id
    if await second_factors.find_secret(connection, user_id, now, unconfirmed=True) is None:
        raise SecondFactorNotEnabled


async def _check_enabled(connection: AsyncConnection, person: Person) -> None:
    """Raises `SecondFactorNotEnabled`."""
    if not await second_factors.is_enabled(connection, person.user_id):
        raise SecondFactorNotEnabled


async def _replace_recovery_codes(connection: AsyncConnection, person: Person) -> list[str]:
    new_codes = codes.new_recovery_codes()
    await recovery_codes.replace_all(connection, person.user_id, new_codes)
    return new_codes
