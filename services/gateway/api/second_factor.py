"""A second factor: logins ask for a code of an app (TOTP, RFC 6238) as well."""

from fastapi import Response

from services.gateway.api import schemas
from services.gateway.api.problems import problems
from services.gateway.api.request_bodies import JSON, Code, Password, RequestBody
from services.gateway.dependencies import Auth
from services.gateway.identity.sessions import ApiUser
from shared.web.routes import Router

router = Router(prefix="/api/v1/me/second-factor", tags=["Second factor"])
_CHANGES = problems(400, 401, 403, 409, 413, 415, 422, 429, 503, 504)


class PasswordProof(RequestBody):
    """Proof that it is you."""

    password: Password


class FirstCode(RequestBody):
    """Proof that the app knows the secret."""

    code: Code


class PasswordAndCode(RequestBody):
    """The password, and a code of the app or a recovery code."""

    password: Password
    code: Code


@router.get("", responses=problems(401, 403, 503))
async def state(user: ApiUser, auth: Auth) -> schemas.SecondFactor:
    """Whether logins ask for a code, and how many recovery codes are left."""
    return await auth.second_factor(user)


@router.post("", status_code=201, dependencies=JSON, responses=_CHANGES)
async def begin(user: ApiUser, body: PasswordProof, auth: Auth) -> schemas.SecondFactorSetup:
    """Begin to set up a second factor. It counts once `PUT` was given a code, within the hour."""
    return await auth.begin_factor(user, body.password)


@router.put("", dependencies=JSON, responses=_CHANGES)
async def confirm(user: ApiUser, body: FirstCode, auth: Auth) -> schemas.RecoveryCodes:
    """Switch it on by a first code of the app."""
    return await auth.confirm_factor(user, body.code)


@router.delete("", status_code=204, dependencies=JSON, response_class=Response, responses=_CHANGES)
async def disable(user: ApiUser, body: PasswordAndCode, auth: Auth) -> None:
    """Switch it off."""
    await auth.disable_factor(user, body.password, body.code)


@router.post("/recovery-codes", dependencies=JSON, responses=_CHANGES)
async def make_recovery_codes(
    user: ApiUser, body: PasswordAndCode, auth: Auth
) -> schemas.RecoveryCodes:
    """Make new recovery codes. Those of before are worth nothing from now on."""
    return await auth.make_recovery_codes(user, body.password, body.code)
