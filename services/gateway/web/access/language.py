"""The choice of a language, stored in a cookie."""

from contextlib import suppress

from fastapi import Request, Response

from services.gateway.dependencies import Auth, Cookies
from services.gateway.http.safe_redirect import local_path
from services.gateway.identity.cookies import CHOICE_SECONDS
from services.gateway.identity.sessions import OptionalUser
from services.gateway.web.forms import fields, redirect_get_to, see_other
from shared.errors import DomainError
from shared.i18n.catalogue import LANGUAGES
from shared.web.routes import Router

router = Router(include_in_schema=False)
redirect_get_to(router, "/language", "/")


@router.post("/language")
async def choose(request: Request, user: OptionalUser, cookies: Cookies, auth: Auth) -> Response:
    """For a logged-in user, the language of the account and its mails changes as well."""
    language, next_path = await fields(request, "language", "next")
    if language in LANGUAGES:
        cookies.write(request, "language", language, CHOICE_SECONDS)
        if user is not None:
            with suppress(DomainError):  # the cookie works without auth
                await auth.change(user, {"language": language})
    return see_other(local_path(next_path))
