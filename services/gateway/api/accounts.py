"""Accounts: making one, looking after it, leaving."""

from functools import partial
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
    """A wish for an account."""

    email: Email
    password: NewPassword
    language: Language = Field("en", description="of the mails we send")


class PreferenceChanges(RequestBody):
    """Preferences; what is left out stays."""

    language: Language | None = Field(None, description="of mails and pages")
    time_zone: str | None = Field(
        None, max_length=100, description="an IANA name, or `auto`: the browser's"
    )
    theme: Theme | None = None
    mail_on_new_device: bool | None = Field(None, description="tell of logins from new devices")


class AddressChange(RequestBody):
    """Another address, and proof that it is you."""

    password: Password
    email: Email


class Erasure(RequestBody):
    """Proof that it is you."""

    password: Password


class Confirmation(RequestBody):
    """A link of a mail about an address, with a proof that the account is yours."""

    token: LinkToken
    password: Password | None = Field(
        None, description="of the account; not needed with an access token of its own"
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
    """Make an account and mail a link that confirms its address.

    The answer is the same when the address has an account; its owner is told by mail.
    """
    await auth.register(body.email, body.password, body.language, client_infos.program(request))
    return Accepted()


@router.post(
    "/confirmations",
    dependencies=JSON,
    openapi_extra={"security": [{}]},  # a token may be left out
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
    """Confirm an address by the token of the link that was mailed there.

    The link alone is not enough: send the access token of a session of the account along, or its
    password. Whoever knows neither sets a new one with the same link (`PUT /password-resets`),
    which ends all that was opened with the account before.
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
    """Have the link mailed once more."""
    await auth.confirm_again(user)
    return Accepted()


@router.get("/me", responses=problems(401, 403, 503))
async def me(user: ApiUser, auth: Auth) -> schemas.Account:
    """Whose token this is. Needs the scope `account`."""
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
    """Erase the account with all files, reports and tokens, for good."""
    await auth.erase(user, body.password)
    sessions.mark_ended(user)


@router.post(
    "/me/email",
    status_code=202,
    dependencies=JSON,
    responses=problems(400, 401, 403, 413, 415, 422, 429, 503, 504),
)
async def change_email(user: ApiUser, body: AddressChange, auth: Auth) -> Accepted:
    """Ask for another address. It counts once the link that is mailed there was followed."""
    await auth.change_email(user, body.password, body.email)
    return Accepted()


@router.get("/me/security-log", responses=problems(401, 403, 422, 503))
async def security_log(
    user: ApiUser,
    auth: Auth,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> schemas.SecurityPage:
    """What concerned the safety of the account in the last year, newest first."""
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
    """Everything we keep of you as a zip: account, files in every version, checks, mails.

    One archive at a time. Its last entry, `complete.json`, tells that nothing is missing; where
    there is trouble on the way, or the session ends, the transfer breaks off before it.
    """
    account = await auth.export(user)
    renew = partial(sessions.renew, request)
    return await as_download(Exports(auth, files, reports), account, renew, steps)
