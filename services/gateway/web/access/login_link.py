"""Login by the link that is mailed after too many wrong passwords."""

from fastapi import Request, Response

from services.gateway.dependencies import Auth, Sessions
from services.gateway.errors import SecondFactorRequired
from services.gateway.http.security_headers import SECRET_ADDRESS
from services.gateway.identity.sessions import OptionalUser
from services.gateway.web.access.login import CODE_PAGE
from services.gateway.web.access.passwords import LinkToken
from services.gateway.web.forms import see_other
from services.gateway.web.rendering import Pages
from shared.errors import DomainError, NotFound
from shared.web.routes import Router

router = Router(include_in_schema=False)


@router.get("/log-in/{token}")
async def ask(
    request: Request, _: OptionalUser, pages: Pages, auth: Auth, token: LinkToken
) -> Response:
    """GET does not use the link up: mail programs and scanners follow links."""
    try:
        kind = (await auth.link(token)).kind
    except DomainError as error:
        return pages.refuse(request, "login_link.html", error, headers=SECRET_ADDRESS)
    if kind != "log_in":
        raise NotFound
    return pages.render(request, "login_link.html", headers=SECRET_ADDRESS)


@router.post("/log-in/{token}")
async def log_in(request: Request, pages: Pages, sessions: Sessions, token: LinkToken) -> Response:
    try:
        await sessions.log_in_by_link(request, token)
    except SecondFactorRequired:
        return see_other(CODE_PAGE)
    except DomainError as error:
        return pages.refuse(request, "login_link.html", error, headers=SECRET_ADDRESS)
    return see_other("/")
