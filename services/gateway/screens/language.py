"""The choice of a language, kept in a cookie."""

from contextlib import suppress

from fastapi import Request, Response

from services.gateway.addresses import local_path
from services.gateway.cookies import CHOICE_SECONDS
from services.gateway.i18n.language import LANGUAGES
from services.gateway.provision import Auth, Cookies
from services.gateway.screens.forms import fields, go, lead_back
from services.gateway.sessions import Visitor
from shared.errors import DomainError
from shared.web.routes import Router

router = Router(include_in_schema=False)
lead_back(router, "/language", "/")


@router.post("/language")
async def choose(request: Request, visitor: Visitor, cookies: Cookies, auth: Auth) -> Response:
    """Who is logged in chooses for the account, and so for mails too."""
    language, wanted = await fields(request, "language", "next")
    if language in LANGUAGES:
        cookies.write(request, "language", language, CHOICE_SECONDS)
        if visitor is not None:
            with suppress(DomainError):  # while auth is away the cookie does
                await auth.change(visitor, {"language": language})
    return go(local_path(wanted))
