"""Passwords: changed by somebody who knows them, replaced by somebody who reads the mail."""

from services.auth.api.dependencies import GATEWAY, Deps, Now
from services.auth.domain.client_info import ClientInfo
from services.auth.use_cases import passwords
from shared.contracts.http.auth import PasswordChange, PasswordForgotten, PasswordReset
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal")


@router.post("/password-resets", status_code=202, dependencies=GATEWAY)
async def request_reset(body: PasswordForgotten, deps: Deps, now: Now) -> dict[str, str]:
    """Mail a link to the owner of the address, if there is one."""
    client_info = ClientInfo.of(body.client)
    await passwords.request_reset(deps, email=body.email, client_info=client_info, now=now)
    return {}


@router.put("/password-resets", status_code=204, dependencies=GATEWAY)
async def reset_password(body: PasswordReset, deps: Deps, now: Now) -> None:
    """Use a link up; every session and API token ends."""
    await passwords.reset_password(
        deps,
        token=body.token,
        password=body.password,
        client_info=ClientInfo.of(body.client),
        now=now,
    )


@router.post("/me/password", status_code=204)
async def change_password(body: PasswordChange, user: CurrentUser, deps: Deps, now: Now) -> None:
    """Every other session ends."""
    await passwords.change_password(
        deps,
        user=user,
        current_password=body.current_password,
        new_password=body.new_password,
        revoke_tokens=body.revoke_tokens,
        now=now,
    )
