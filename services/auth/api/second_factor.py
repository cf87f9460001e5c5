"""A person's second factor: only for sessions, and changed only with the password."""

from services.auth import accounts, codes, second_factor
from services.auth.api.parts import (
    Hasher,
    Limited,
    Now,
    Pool,
    Secrets,
    Store,
)
from services.auth.commands.reauthentication import lock_reauthenticated, reauthenticate
from services.auth.commands.second_factor import (
    WrongSecondFactorCode,
    begin,
    check_begun,
    check_on,
    disable,
    enable,
    renew_recovery_codes,
    tell,
    try_code,
)
from shared.contracts.http.auth import (
    BegunFactor,
    FactorCode,
    PasswordAndCode,
    PasswordProof,
    RecoveryCodes,
    SecondFactor,
)
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal/me/second-factor")


@router.get("")
async def state(user: CurrentUser, connection: Transaction) -> SecondFactor:
    await accounts.place_of(connection, user)
    return await second_factor.state(connection, user.user_id)


@router.post("", status_code=201)
async def begin_factor(
    body: PasswordProof,
    user: CurrentUser,
    database: Pool,
    hasher: Hasher,
    limits: Limited,
    secrets: Secrets,
    now: Now,
) -> BegunFactor:
    """It counts once a code of the app was given."""
    proven, _ = await reauthenticate(database, hasher, limits, user, body.password, now)
    async with database.transaction() as connection:
        person, _ = await lock_reauthenticated(connection, user, proven)
        secret = await begin(connection, secrets, person, now)
    return BegunFactor(secret=secret, uri=codes.link(secret, person.email))


@router.put("")
async def confirm_factor(
    body: FactorCode,
    user: CurrentUser,
    database: Pool,
    store: Store,
    limits: Limited,
    secrets: Secrets,
    now: Now,
) -> RecoveryCodes:
    shown: list[str] = []
    async with database.transaction() as connection:
        person, place = await accounts.authenticated_person(connection, user)
        await check_begun(connection, person, now)
        if await try_code(connection, limits, secrets, person, body.code, place, now, begun=True):
            shown = await enable(connection, store, person, place, now)
    return _told(shown)


@router.delete("", status_code=204)
async def disable_factor(
    body: PasswordAndCode,
    user: CurrentUser,
    database: Pool,
    store: Store,
    hasher: Hasher,
    limits: Limited,
    secrets: Secrets,
    now: Now,
) -> None:
    proven, _ = await reauthenticate(database, hasher, limits, user, body.password, now)
    async with database.transaction() as connection:
        person, place = await lock_reauthenticated(connection, user, proven)
        await check_on(connection, person)
        proof = await try_code(connection, limits, secrets, person, body.code, place, now)
        if proof is not None:
            await disable(connection, store, person, place, now)
    if proof is None:
        raise WrongSecondFactorCode


@router.post("/recovery-codes")
async def make_recovery_codes(
    body: PasswordAndCode,
    user: CurrentUser,
    database: Pool,
    store: Store,
    hasher: Hasher,
    limits: Limited,
    secrets: Secrets,
    now: Now,
) -> RecoveryCodes:
    """Those of before are worth nothing from now on."""
    proven, _ = await reauthenticate(database, hasher, limits, user, body.password, now)
    shown: list[str] = []
    async with database.transaction() as connection:
        person, place = await lock_reauthenticated(connection, user, proven)
        await check_on(connection, person)
        proof = await try_code(connection, limits, secrets, person, body.code, place, now)
        if proof is not None:
            shown = await renew_recovery_codes(connection, person, place, now)
        if proof == "recovery_code":
            await tell(connection, store, person, "recovery_code_used", place, now)
    return _told(shown)


def _told(shown: list[str]) -> RecoveryCodes:
    """Raises `WrongSecondFactorCode` where none are; the wrong code is counted by now."""
    if not shown:
        raise WrongSecondFactorCode
    return RecoveryCodes(recovery_codes=shown)
