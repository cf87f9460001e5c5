"""One's account: address, password, language, time zone, colours."""

from typing import Any

from fastapi import Request, Response

from services.gateway.clients import Auth as AuthClient
from services.gateway.pages import Pages as PagesOfAll
from services.gateway.provision import Auth, Cookies, Pages, Sessions
from services.gateway.screens.forms import NOTICES, fields, go, lead_back
from services.gateway.sessions import WebUser
from services.gateway.zones import choices
from shared.clock import utc_now
from shared.errors import DomainError, Unauthenticated
from shared.web.identity import User
from shared.web.routes import Router

router = Router(prefix="/account", include_in_schema=False)
for form in ("preferences", "email", "password", "confirmation"):
    lead_back(router, f"/{form}", "/account")


@router.get("")
async def account(
    request: Request, user: WebUser, pages: Pages, auth: Auth, notice: str = ""
) -> Response:
    values = await _values(request, user, pages, auth)
    return pages.render(request, "account.html", **values, notice=NOTICES.get(notice))


@router.post("/preferences")
async def prefer(
    request: Request, user: WebUser, pages: Pages, auth: Auth, cookies: Cookies
) -> Response:
    names = ("language", "time_zone", "theme")
    changes: dict[str, Any] = dict(zip(names, await fields(request, *names), strict=True))
    (mails,) = await fields(request, "mail_on_new_device")
    changes["mail_on_new_device"] = mails == "yes"
    try:
        cookies.remember(request, await auth.change(user, changes))
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "preferences")
    return go("/account", notice="saved")


@router.post("/email")
async def change_email(request: Request, user: WebUser, pages: Pages, auth: Auth) -> Response:
    email, password = await fields(request, "email", "password")
    try:
        mailed = await auth.change_email(user, password, email)
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "email", new_email=email)
    return go("/account", notice="email_asked" if mailed else "email_kept")


@router.post("/password")
async def change_password(
    request: Request, user: WebUser, pages: Pages, auth: Auth, sessions: Sessions
) -> Response:
    current, new, revoke = await fields(request, "current", "new", "revoke_tokens")
    try:
        await auth.change_password(user, current, new, revoke_tokens=revoke == "yes")
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "password")
    sessions.doubt_everybody()
    return go("/account", notice="password_changed")


@router.post("/confirmation")
async def confirm_again(request: Request, user: WebUser, pages: Pages, auth: Auth) -> Response:
    """Have the mail that confirms the address sent once more."""
    try:
        await auth.confirm_again(user)
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "address")
    return go("/account", notice="confirmation_sent")


async def _values(
    request: Request, user: User, pages: PagesOfAll, auth: AuthClient
) -> dict[str, Any]:
    zones = choices(pages.language(request), utc_now())
    return {"account": await auth.me(user), "zones": zones, "new_email": "", "about": ""}


async def _refuse(
    request: Request,
    user: User,
    pages: PagesOfAll,
    auth: AuthClient,
    error: DomainError,
    about: str,
    **typed: str,
) -> Response:
    """The page once more, with the error in the part that it is about."""
    if isinstance(error, Unauthenticated):
        raise error
    values = await _values(request, user, pages, auth)
    values |= {"notice": None, "about": about, **typed}
    return pages.refuse(request, "account.html", error, **values)
