"""Registration. Its answer is the same whether or not the address has an account."""

import secrets

from fastapi import Request, Response

from services.gateway.provision import Auth, Callers, Cookies, Pages
from services.gateway.screens.forms import fields, go
from services.gateway.sessions import Visitor
from shared.errors import DomainError
from shared.web.routes import Router

router = Router(include_in_schema=False)
LINK_SECONDS = 7 * 86_400  # as long as the mailed link is good
LOGIN_SECONDS = 600  # in which the login that follows has the address filled in


@router.get("/register")
async def registration(request: Request, visitor: Visitor, pages: Pages) -> Response:
    if visitor is not None:
        return go("/")
    return pages.render(request, "registration.html", email="")


@router.post("/register")
async def register(
    request: Request, pages: Pages, auth: Auth, callers: Callers, cookies: Cookies
) -> Response:
    """Mark the browser by a cookie, so that the mailed link logs it in."""
    email, password = await fields(request, "email", "password")
    cookie = secrets.token_urlsafe(24)
    client = callers.browser(request)
    try:
        await auth.register(email, password, pages.language(request), client, cookie)
    except DomainError as error:
        return pages.refuse(request, "registration.html", error, email=email)
    cookies.write(request, "registration", cookie, LINK_SECONDS)
    cookies.write_text(request, "email", email, LOGIN_SECONDS)
    return go("/login", notice="registered")
