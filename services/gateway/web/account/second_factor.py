"""The second factor: set-up with an app, recovery codes, removal."""

import re
from typing import Any

import segno
from fastapi import Request, Response
from markupsafe import Markup

from services.gateway.clients import AuthClient
from services.gateway.dependencies import Auth
from services.gateway.identity.sessions import WebUser
from services.gateway.web.flash_messages import FLASH_MESSAGES
from services.gateway.web.forms import fields, redirect_get_to, see_other
from services.gateway.web.rendering import PageRenderer, Pages
from shared.errors import DomainError, Invalid, Unauthenticated
from shared.web.identity import User
from shared.web.routes import Router

router = Router(prefix="/account/second-factor", include_in_schema=False)
for form in ("confirmation", "removal", "recovery-codes"):
    redirect_get_to(router, f"/{form}", "/account/second-factor")
TEMPLATE, SETUP = "account_second_factor.html", "account_second_factor_setup.html"
_LINK = re.compile(
    r"otpauth://totp/[\w%./:~-]+\?secret=([A-Z2-7]{16,64})&issuer=Prereview", re.ASCII
)
_LONGEST_LINK = 2_000  # characters; longer than any real one


@router.get("")
async def second_factor(
    request: Request, user: WebUser, pages: Pages, auth: Auth, notice: str = ""
) -> Response:
    return await _render(request, user, pages, auth, notice=FLASH_MESSAGES.get(notice))


@router.post("")
async def begin(request: Request, user: WebUser, pages: Pages, auth: Auth) -> Response:
    """Show the secret, which no other page can show."""
    (password,) = await fields(request, "password")
    try:
        begun = await auth.begin_factor(user, password)
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "begin")
    return pages.render(request, SETUP, **_shown(begun.uri))


@router.post("/confirmation")
async def confirm(request: Request, user: WebUser, pages: Pages, auth: Auth) -> Response:
    """Enable it by a code. The form contains the link, to show the page again after an error."""
    code, link = await fields(request, "code", "link")
    shown = _shown(link)
    try:
        made = await auth.confirm_factor(user, code)
    except DomainError as error:
        if error.code in {"second_factor_already_enabled", "second_factor_not_enabled"}:
            return see_other("/account/second-factor")
        _raise_if_logged_out(error)
        return pages.refuse(request, SETUP, error, **shown)
    return await _render(request, user, pages, auth, codes=made.recovery_codes)


@router.post("/recovery-codes")
async def make_codes(request: Request, user: WebUser, pages: Pages, auth: Auth) -> Response:
    password, code = await fields(request, "password", "code")
    try:
        made = await auth.make_recovery_codes(user, password, code)
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "recovery-codes")
    return await _render(request, user, pages, auth, codes=made.recovery_codes)


@router.post("/removal")
async def disable(request: Request, user: WebUser, pages: Pages, auth: Auth) -> Response:
    password, code = await fields(request, "password", "code")
    try:
        await auth.disable_factor(user, password, code)
    except DomainError as error:
        return await _refuse(request, user, pages, auth, error, "removal")
    return see_other("/account/second-factor", notice="second_factor_off")


def _shown(link: str) -> dict[str, Any]:
    """The link as a QR code, and its secret; raises `Invalid` for any other link.

    The code is dark on white in both themes, as many apps require.
    """
    found = _LINK.fullmatch(link)
    if found is None or len(link) > _LONGEST_LINK:
        raise Invalid
    drawn = segno.make(link, micro=False, error="m")
    picture = drawn.svg_inline(omitsize=True, border=4, light="#fff", dark="#000", lineclass=None)
    secret = " ".join(re.findall(".{1,4}", found[1]))
    # The image of segno contains no text of the link.
    return {"link": link, "secret": secret, "picture": Markup(picture)}  # noqa: S704


async def _render(
    request: Request, user: User, pages: PageRenderer, auth: AuthClient, **more: Any
) -> Response:
    factor = await auth.second_factor(user)
    values: dict[str, Any] = {"about": "", "codes": [], "notice": None, **more}
    return pages.render(request, TEMPLATE, factor=factor, **values)


async def _refuse(
    request: Request,
    user: User,
    pages: PageRenderer,
    auth: AuthClient,
    error: DomainError,
    about: str,
) -> Response:
    """The page with the error shown in the section `about`."""
    _raise_if_logged_out(error)
    factor = await auth.second_factor(user)
    return pages.refuse(request, TEMPLATE, error, factor=factor, about=about, codes=[], notice=None)


def _raise_if_logged_out(error: DomainError) -> None:
    if isinstance(error, Unauthenticated):
        raise error
