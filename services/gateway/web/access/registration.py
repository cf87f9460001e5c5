"""Registration. The response is the same whether or not the address has an account."""

import secrets

from fastapi import Request, Response

from services.gateway.dependencies import Auth, ClientInfos, Cookies
from services.gateway.identity.sessions import OptionalUser
from services.gateway.web.forms import fields, see_other
from services.gateway.web.rendering import Pages
from shared.errors import DomainError
from shared.web.routes import Router

router = Router(include_in_schema=False)
LINK_SECONDS = 7 * 86_400  # the mailed link expires at the same time
LOGIN_SECONDS = 600  # for which the login form contains the address


@router.get("/register")
async def registration(request: Request, user: OptionalUser, pages: Pages) -> Response:
    if user is not None:
        return see_other("/")
    return pages.render(request, "registration.html", email="")


@router.post("/register")
async def register(
    request: Request, pages: Pages, auth: Auth, client_infos: ClientInfos, cookies: Cookies
) -> Response:
    """Register, and set a cookie by which the mailed link logs the browser in."""
    email, password = await fields(request, "email", "password")
    cookie = secrets.token_urlsafe(24)
    client = client_infos.browser(request)
    try:
        await auth.register(email, password, pages.language(request), client, cookie)
    except DomainError as error:
        return pages.refuse(request, "registration.html", error, email=email)
    cookies.write(request, "registration", cookie, LINK_SECONDS)
    cookies.write_text(request, "email", email, LOGIN_SECONDS)
    return see_other("/login", notice="registered")
