"""The choice of a language, kept in a cookie."""

from contextlib import suppress

from fastapi import Request, Response

from services.gateway.dependencies import Auth, Cookies
from services.gateway.http.safe_redirect import local_path
from services.gateway.identity.cookies import CHOICE_SECONDS
from services.gateway.identity.sessions import Visitor
from services.gateway.web.forms import fields, redirect_get_to, see_other
from shared.errors import DomainError
from shared.i18n.catalogue import LANGUAGES
from shared.web.routes import Router

router = Router(include_in_schema=False)
redirect_get_to(router, "/language", "/")


@router.post("/language")
async def choose(request: Request, visitor: Visitor, cookies: Cookies, auth: Auth) -> Response:
    """Who is logged in chooses for the account, and so for mails too."""
    language, wanted = await fields(request, "language", "next")
    if language in LANGUAGES:
        cookies.write(request, "language", language, CHOICE_SECONDS)
        if visitor is not None:
            with suppress(DomainError):  # while auth is away the cookie does
                await auth.change(visitor, {"language": language})
    return see_other(local_path(wanted))
