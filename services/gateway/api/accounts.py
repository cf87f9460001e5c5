"""Accounts: registration, preferences, e-mail address, export, erasure."""

from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from services.gateway.api import schemas
from services.gateway.api.problems import problems
from services.gateway.api.request_bodies import (
    JSON,
    Accepted,
    Email,
    LinkToken,
    NewPassword,
    Password,
    RequestBody,
)
from services.gateway.dependencies import Auth, ClientInfos, Files, Reports, Sessions
from services.gateway.downloads.account_export import Exports, as_download
from services.gateway.http.concurrency import ApiSteps
from services.gateway.identity.sessions import ApiUser, OptionalApiUser
from shared.contracts.auth import Language
from shared.contracts.http.auth import Theme
from shared.web.routes import Router

router = Router(prefix="/api/v1", tags=["Accounts"])
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


class Registration(RequestBody):
    """A new account."""

    email: Email
    password: NewPassword
    language: Language = Field("en", description="the language of mails")


class PreferenceChanges(RequestBody):
    """Preferences to change; fields left out keep their values."""

    language: Language | None = Field(None, description="the language of mails and pages")
    time_zone: str | None = Field(
        None, max_length=100, description="an IANA name, or `auto` for the browser's"
    )
    theme: Theme | None = None
    mail_on_new_device: bool | None = Field(
        None, description="send a mail after a login from a new device"
    )


class AddressChange(RequestBody):
    """A new e-mail address, and the current password."""

    password: Password
    email: Email


class Erasure(RequestBody):
    """The current password."""

    password: Password


class Confirmation(RequestBody):
    """The token of a mailed link, and the password unless an access token is sent."""

    token: LinkToken
    password: Password | None = Field(
        None, description="the account's password; not needed with an access token of the account"
    )


@router.post(
    "/users",
    status_code=202,
    dependencies=JSON,
    responses=problems(400, 413, 415, 422, 429, 503, 504),
)
async def register(
    request: Request, body: Registration, auth: Auth, client_infos: ClientInfos
) -> Accepted:
    """Create an account, and mail a link that confirms the e-mail address.

    The response is the same if the address already has an account; its owner gets a mail.
    """
    await auth.register(body.email, body.password, body.language, client_infos.program(request))
    return Accepted()


@router.post(
    "/confirmations",
    dependencies=JSON,
    openapi_extra={"security": [{}]},  # the token is optional
    responses=problems(400, 401, 403, 413, 415, 422, 429, 503, 504),
)
async def confirm(
    request: Request,
    user: OptionalApiUser,
    body: Confirmation,
    auth: Auth,
    sessions: Sessions,
    client_infos: ClientInfos,
) -> schemas.Confirmed:
    """Confirm an e-mail address with the token of the link mailed to it.

    The link alone is not enough: also send an access token of the account, or its password. If
    you have neither, set a new password with the same link (`PUT /password-resets`), which ends
    all sessions and API tokens of the account.
    """
    if user is not None:
        confirmed = await auth.confirm_own(user, body.token)
    else:
        client = client_infos.program(request)
        confirmed = await auth.confirm(body.token, client, password=body.password)
    sessions.unconfirmed.invalidate_all()
    return schemas.Confirmed(kind=confirmed.kind)


@router.post(
    "/confirmations/again", status_code=202, responses=problems(401, 403, 409, 429, 503, 504)
)
async def confirm_again(user: ApiUser, auth: Auth) -> Accepted:
    """Send the mail with the confirmation link again."""
    await auth.confirm_again(user)
    return Accepted()


@router.get("/me", responses=problems(401, 403, 503))
async def me(user: ApiUser, auth: Auth) -> schemas.Account:
    """The account the token belongs to. Needs the scope `account`."""
    return await auth.me(user)


@router.patch("/me", dependencies=JSON, responses=problems(400, 401, 403, 413, 415, 422, 503, 504))
async def change(user: ApiUser, body: PreferenceChanges, auth: Auth) -> schemas.Account:
    """Change preferences."""
    return await auth.change(user, body.model_dump(exclude_none=True))


@router.delete(
    "/me",
    status_code=204,
    dependencies=JSON,
    response_class=Response,
    responses=problems(400, 401, 403, 413, 415, 422, 429, 503, 504),
)
async def erase(user: ApiUser, body: Erasure, auth: Auth, sessions: Sessions) -> None:
    """Erase the account with all files, reports and tokens. This can't be undone."""
    await auth.erase(user, body.password)
    sessions.mark_ended(user)


@router.post(
    "/me/email",
    status_code=202,
    dependencies=JSON,
    responses=problems(400, 401, 403, 413, 415, 422, 429, 503, 504),
)
async def change_email(user: ApiUser, body: AddressChange, auth: Auth) -> Accepted:
    """Request a new e-mail address. It takes effect once its mailed link is confirmed."""
    await auth.change_email(user, body.password, body.email)
    return Accepted()


@router.get("/me/security-log", responses=problems(401, 403, 422, 503))
async def security_log(
    user: ApiUser,
    auth: Auth,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> schemas.SecurityPage:
    """Security events of the account in the last year, newest first."""
    return await auth.security_log(user, cursor, limit)


@router.get(
    "/me/export",
    response_class=StreamingResponse,
    responses=_ZIP | problems(401, 403, 429, 503),
)
async def export(
    request: Request,
    user: ApiUser,
    auth: Auth,
    files: Files,
    reports: Reports,
    sessions: Sessions,
    steps: ApiSteps,
) -> StreamingResponse:
    """Download all data of the account as a zip: files in every version, checks, mails.

    A user can download one archive at a time. The last entry is `complete.json`. If an error
    occurs or the session ends, the transfer is cut off, and that entry is missing.
    """
    account = await auth.export(user)
    bearer = sessions.renewing_user(request)
    return await as_download(Exports(auth, files, reports), account, bearer, steps)
