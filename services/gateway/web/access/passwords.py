"""Resetting a forgotten password by a mailed link."""

from typing import Annotated

from fastapi import Path, Request, Response

from services.gateway.dependencies import Auth, ClientInfos, Cookies, Sessions
from services.gateway.errors import LinkInvalid
from services.gateway.http.security_headers import SECRET_ADDRESS
from services.gateway.web.forms import fields, see_other
from services.gateway.web.rendering import Pages
from shared.errors import DomainError
from shared.web.routes import Router

router = Router(include_in_schema=False)
LinkToken = Annotated[str, Path(max_length=200)]
RESETTING = {"reset_password", "confirm_email"}  # kinds of links that can set a password


@router.get("/forgotten-password")
async def forgotten(request: Request, pages: Pages, sent: str = "") -> Response:
    return pages.render(request, "forgotten_password.html", email="", sent=bool(sent))


@router.post("/forgotten-password")
async def send_link(
    request: Request, pages: Pages, auth: Auth, client_infos: ClientInfos
) -> Response:
    """The response is the same for every address."""
    (email,) = await fields(request, "email")
    try:
        await auth.forgot_password(email, client_infos.browser(request))
    except DomainError as error:
        return pages.refuse(request, "forgotten_password.html", error, email=email, sent=False)
    return see_other("/forgotten-password", sent="yes")


@router.get("/reset-password/{token}")
async def form(request: Request, pages: Pages, auth: Auth, token: LinkToken) -> Response:
    """GET does not use the link up: mail programs and scanners follow links."""
    try:
        if (await auth.link(token)).kind not in RESETTING:
            raise LinkInvalid
    except DomainError as error:
        return pages.refuse(request, "reset_password.html", error, headers=SECRET_ADDRESS)
    return pages.render(request, "reset_password.html", headers=SECRET_ADDRESS)


@router.post("/reset-password/{token}")
async def reset(
    request: Request,
    pages: Pages,
    auth: Auth,
    sessions: Sessions,
    cookies: Cookies,
    client_infos: ClientInfos,
    token: LinkToken,
) -> Response:
    (password,) = await fields(request, "password")
    try:
        await auth.reset_password(token, password, client_infos.browser(request))
    except DomainError as error:
        return pages.refuse(request, "reset_password.html", error, headers=SECRET_ADDRESS)
    sessions.invalidate_all()
    cookies.clear(request)
    return see_other("/login", notice="password_reset")
