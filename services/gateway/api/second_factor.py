"""The second factor of logins: a code from an app (TOTP, RFC 6238)."""

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
    """The current password."""

    password: Password


class FirstCode(RequestBody):
    """The first code from the app."""

    code: Code


class PasswordAndCode(RequestBody):
    """The password, and a code from the app or a recovery code."""

    password: Password
    code: Code


@router.get("", responses=problems(401, 403, 503))
async def state(user: ApiUser, auth: Auth) -> schemas.SecondFactor:
    """Whether logins require a code, and how many recovery codes are left."""
    return await auth.second_factor(user)


@router.post("", status_code=201, dependencies=JSON, responses=_CHANGES)
async def begin(user: ApiUser, body: PasswordProof, auth: Auth) -> schemas.SecondFactorSetup:
    """Begin to set up a second factor. `PUT` a code within an hour to enable it."""
    return await auth.begin_factor(user, body.password)


@router.put("", dependencies=JSON, responses=_CHANGES)
async def confirm(user: ApiUser, body: FirstCode, auth: Auth) -> schemas.RecoveryCodes:
    """Enable the second factor with a first code from the app."""
    return await auth.confirm_factor(user, body.code)


@router.delete("", status_code=204, dependencies=JSON, response_class=Response, responses=_CHANGES)
async def disable(user: ApiUser, body: PasswordAndCode, auth: Auth) -> None:
    """Disable the second factor."""
    await auth.disable_factor(user, body.password, body.code)


@router.post("/recovery-codes", dependencies=JSON, responses=_CHANGES)
async def make_recovery_codes(
    user: ApiUser, body: PasswordAndCode, auth: Auth
) -> schemas.RecoveryCodes:
    """Create new recovery codes. The previous ones stop working."""
    return await auth.make_recovery_codes(user, body.password, body.code)
