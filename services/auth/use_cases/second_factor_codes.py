"""Checks codes of the second factor, at a login and in a session."""

from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain import codes
from services.auth.domain.client_info import ClientSummary
from services.auth.domain.ports import DecryptionFailed
from services.auth.tables import recovery_codes, second_factors, security_log
from services.auth.tables.users import Person
from services.auth.use_cases import account_mails, throttling
from services.auth.use_cases.dependencies import Dependencies
from shared.errors import Invalid
from shared.logging import log

Notice = Literal["second_factor_enabled", "second_factor_disabled", "recovery_code_used"]
AcceptedCode = Literal["app", "recovery_code"]


class WrongSecondFactorCode(Invalid):
    code = "wrong_second_factor_code"


async def try_code(
    connection: AsyncConnection,
    deps: Dependencies,
    person: Person,
    code: str,
    client: ClientSummary,
    now: datetime,
    *,
    unconfirmed: bool = False,
) -> AcceptedCode | None:
    """Use a code up; None for a wrong one, which is counted.

    In that case commit, then raise `WrongSecondFactorCode`.

    The person is locked, so that parallel tries are counted one after the other. Raises
    `TooManyAttempts`. With `unconfirmed` the code is for the secret that is being set up.
    """
    limits = deps.limits.failed_codes(person.user_id)
    await throttling.check(connection, limits, now)
    normalized = codes.normalize_code(code)
    accepted = await _use_code(connection, deps, person, normalized, now, unconfirmed=unconfirmed)
    if accepted is None:
        await throttling.acquire(connection, limits, now)
        await security_log.insert(connection, person.user_id, "second_factor_refused", now, client)
    return accepted


async def notify(
    connection: AsyncConnection,
    deps: Dependencies,
    person: Person,
    notice: Notice,
    client: ClientSummary,
    now: datetime,
) -> None:
    """In the security log and by mail; after everything that counts attempts."""
    await security_log.insert(connection, person.user_id, notice, now, client)
    details = account_mails.client_details(client, now)
    await account_mails.request(
        connection, deps, person.user_id, notice, person.address, now, **details
    )


async def _use_code(
    connection: AsyncConnection,
    deps: Dependencies,
    person: Person,
    code: str,
    now: datetime,
    *,
    unconfirmed: bool,
) -> AcceptedCode | None:
    user_id = person.user_id
    secret = await second_factors.find_secret(connection, user_id, now, unconfirmed=unconfirmed)
    if secret is None:
        return None
    try:
        step = codes.matching_step(deps.encryption.decrypt(secret, user_id), code, now)
    except DecryptionFailed:
        log.error("second_factor_unreadable", user_id=str(user_id))
        step = None
    if step is not None and await second_factors.use_step(connection, user_id, step):
        return "app"
    if await recovery_codes.use(connection, user_id, code):
        return "recovery_code"
    return None
