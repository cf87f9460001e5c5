"""The account of a person: profile, preferences, e-mail address."""

from typing import Annotated

from fastapi import Depends

from services.auth.api.dependencies import Deps, Now
from services.auth.use_cases import account, email_addresses, preferences
from shared.contracts.http.auth import (
    Account,
    EmailChange,
    EmailChangeResult,
    PreferenceChanges,
)
from shared.web.app import ReadConnection
from shared.web.identity import CurrentUser, User, user_with
from shared.web.routes import Router

router = Router(prefix="/internal/me")
Reader = Annotated[User, Depends(user_with("account"))]


@router.get("")
async def read_account(user: Reader, connection: ReadConnection) -> Account:
    return await account.account(connection, user.user_id)


@router.patch("")
async def change_preferences(
    body: PreferenceChanges, user: CurrentUser, deps: Deps, now: Now
) -> Account:
    return await preferences.change_preferences(deps, user, body, now)


@router.post("/email", status_code=202)
async def change_email(
    body: EmailChange, user: CurrentUser, deps: Deps, now: Now
) -> EmailChangeResult:
    """Mail a link to the new address; the answer is the same when it has an account."""
    mailed = await email_addresses.request_change(
        deps, user=user, password=body.password, email=body.email, now=now
    )
    return EmailChangeResult(mailed=mailed)
