"""Confirmation of an e-mail address by a mailed link.

The link alone is not enough: the reader of the mail may not be the person who registered. The
browser that is logged in to the account or has registered it can confirm; others enter the password
or, for a new account, set a new one, which ends the sessions of the person who registered.
"""

from typing import Any

from fastapi import Request, Response

from services.gateway.clients import AuthClient
from services.gateway.dependencies import Auth, ClientInfos, Cookies, Sessions
from services.gateway.errors import LinkInvalid, SecondFactorRequired
from services.gateway.http.security_headers import SECRET_ADDRESS
from services.gateway.identity.sessions import OptionalUser
from services.gateway.web.access.login import CODE_PAGE
from services.gateway.web.access.passwords import LinkToken
from services.gateway.web.forms import fields, see_other
from services.gateway.web.rendering import PageRenderer, Pages
from shared.contracts.http.auth import ConfirmationResult, Link
from shared.errors import DomainError, Unauthenticated
from shared.web.identity import User
from shared.web.routes import Router

router = Router(include_in_schema=False)
_PAGES = {"confirm_email": ("/", "confirmed"), "confirm_new_email": ("/account", "new_address")}


@router.get("/confirm/{token}")
async def ask(
    request: Request,
    user: OptionalUser,
    pages: Pages,
    auth: Auth,
    cookies: Cookies,
    token: LinkToken,
) -> Response:
    """GET does not use the link up: mail programs and scanners follow links."""
    link = None
    try:
        link = await _link(auth, token, cookies.read(request, "registration"))
    except DomainError as error:
        return _refuse(request, pages, user, token, link, error)
    values = _values(user, token, link)
    return pages.render(request, "confirmation.html", headers=SECRET_ADDRESS, **values)


@router.post("/confirm/{token}")
async def confirm(
    request: Request,
    user: OptionalUser,
    pages: Pages,
    auth: Auth,
    sessions: Sessions,
    client_infos: ClientInfos,
    cookies: Cookies,
    token: LinkToken,
) -> Response:
    (password,) = await fields(request, "password")
    cookie, link = cookies.read(request, "registration"), None
    try:
        link = await _link(auth, token, cookie)
        if user is not None and user.user_id == link.user_id:
            confirmed = await auth.confirm_own(user, token)
        else:
            client, proof = client_infos.browser(request), {"password": password or None}
            confirmed = await auth.confirm(token, client, cookie=cookie, log_in=True, **proof)
    except Unauthenticated:  # the session has ended
        raise
    except DomainError as error:
        return _refuse(request, pages, user, token, link, error)
    sessions.unconfirmed.invalidate_all()
    return await _lead_on(request, sessions, confirmed)


async def _lead_on(request: Request, sessions: Sessions, confirmed: ConfirmationResult) -> Response:
    page, notice = _PAGES[confirmed.kind]
    if confirmed.session is not None:
        try:
            await sessions.open(request, confirmed.session)
        except SecondFactorRequired:
            return see_other(CODE_PAGE, next=f"{page}?notice={notice}")
    return see_other(page, notice=notice)


async def _link(auth: AuthClient, token: str, cookie: str) -> Link:
    link = await auth.link(token, cookie)
    if link.kind not in _PAGES:
        raise LinkInvalid
    return link


def _values(user: User | None, token: str, link: Link | None) -> dict[str, Any]:
    """The values of the page; it asks other browsers than the account's own for the password."""
    theirs = link is not None and user is not None and user.user_id == link.user_id
    return {
        "token": token,
        "asks": link is not None and not (theirs or link.registered_here),
        "opens": link is not None and link.kind == "confirm_email",
    }


def _refuse(
    request: Request,
    pages: PageRenderer,
    user: User | None,
    token: str,
    link: Link | None,
    error: DomainError,
) -> Response:
    values = _values(user, token, link)
    return pages.refuse(request, "confirmation.html", error, headers=SECRET_ADDRESS, **values)
