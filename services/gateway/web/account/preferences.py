"""The account page: e-mail address, password, language, time zone, theme."""

from typing import Any

from fastapi import Request, Response

from services.gateway.clients import AuthClient
from services.gateway.dependencies import Auth, Cookies, Sessions
from services.gateway.i18n.time_zones import choices
from services.gateway.identity.sessions import WebUser
from services.gateway.web.flash_messages import FLASH_MESSAGES
from services.gateway.web.forms import fields, redirect_get_to, see_other
from services.gateway.web.rendering import PageRenderer, Pages
from shared.clock import utc_now
from shared.errors import DomainError, Unauthenticated
from shared.web.identity import User
from shared.web.routes import Router

router = Router(prefix="/account", include_in_schema=False)
for form in ("preferences", "email", "password", "confirmation"):
    redirect_get_to(router, f"/{form}", "/account")


@router.get("")
async def account(
    request: Request, user: WebUser, pages: Pages, auth: Auth, notice: str = ""
) -> Response:
    values = await _values(request, user, pages, auth)
    return pages.render(request, "account.html", **values, notice=FLASH_MESSAGES.get(notice))


@router.post("/preferences")
async def prefer(
    request: Request, user: WebUser, pages: Pages, auth: Auth, cookies: Cookies
) -> Response:
    names = ("language", "time_zone", "theme")
    changes: dict[str, Any] = dict(zip(names, await fields(request, *names), strict=True))
    (mails,) = await fields(request, "mail_on_new_device")
    changes["mail_on_new_device"] = mails == "yes"
    try:
        cookies.store_preferences(request, await auth.change(user, changes))
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "preferences")
    return see_other("/account", notice="saved")


@router.post("/email")
async def change_email(request: Request, user: WebUser, pages: Pages, auth: Auth) -> Response:
    email, password = await fields(request, "email", "password")
    try:
        mailed = await auth.change_email(user, password, email)
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "email", new_email=email)
    return see_other("/account", notice="email_asked" if mailed else "email_kept")


@router.post("/password")
async def change_password(
    request: Request, user: WebUser, pages: Pages, auth: Auth, sessions: Sessions
) -> Response:
    current, new, revoke = await fields(request, "current", "new", "revoke_tokens")
    try:
        await auth.change_password(user, current, new, revoke_tokens=revoke == "yes")
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "password")
    sessions.invalidate_all()
    return see_other("/account", notice="password_changed")


@router.post("/confirmation")
async def confirm_again(request: Request, user: WebUser, pages: Pages, auth: Auth) -> Response:
    """Send the mail with the confirmation link again."""
    try:
        await auth.confirm_again(user)
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "address")
    return see_other("/account", notice="confirmation_sent")


async def _values(
    request: Request, user: User, pages: PageRenderer, auth: AuthClient
) -> dict[str, Any]:
    zones = choices(pages.language(request), utc_now())
    return {"account": await auth.me(user), "zones": zones, "new_email": "", "about": ""}


async def _refuse(
    request: Request,
    user: User,
    pages: PageRenderer,
    auth: AuthClient,
    error: DomainError,
    about: str,
    **typed: str,
) -> Response:
    """The page with the error shown in the section `about`."""
    if isinstance(error, Unauthenticated):
        raise error
    values = await _values(request, user, pages, auth)
    values |= {"notice": None, "about": about, **typed}
    return pages.refuse(request, "account.html", error, **values)
