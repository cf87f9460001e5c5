"""A person's second factor: only for sessions, and changed only with the password."""

from services.auth.api.dependencies import Deps, Now
from services.auth.use_cases import second_factor
from shared.contracts.http.auth import (
    FactorCode,
    PasswordAndCode,
    PasswordProof,
    RecoveryCodes,
    SecondFactor,
    SecondFactorSetup,
)
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal/me/second-factor")


@router.get("")
async def read_state(user: CurrentUser, connection: Transaction) -> SecondFactor:
    return await second_factor.read_state(connection, user)


@router.post("", status_code=201)
async def set_up(body: PasswordProof, user: CurrentUser, deps: Deps, now: Now) -> SecondFactorSetup:
    """The second factor is enabled only by a code of the app."""
    setup = await second_factor.set_up(deps, user, body.password, now)
    return SecondFactorSetup(secret=setup.secret, uri=setup.uri)


@router.put("")
async def enable(body: FactorCode, user: CurrentUser, deps: Deps, now: Now) -> RecoveryCodes:
    codes = await second_factor.enable(deps, user, body.code, now)
    return RecoveryCodes(recovery_codes=codes)


@router.delete("", status_code=204)
async def disable(body: PasswordAndCode, user: CurrentUser, deps: Deps, now: Now) -> None:
    await second_factor.disable(deps, user=user, password=body.password, code=body.code, now=now)


@router.post("/recovery-codes")
async def renew_recovery_codes(
    body: PasswordAndCode, user: CurrentUser, deps: Deps, now: Now
) -> RecoveryCodes:
    """The former ones are invalid from now on."""
    codes = await second_factor.renew_recovery_codes(
        deps, user=user, password=body.password, code=body.code, now=now
    )
    return RecoveryCodes(recovery_codes=codes)
