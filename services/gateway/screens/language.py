"""The choice of a language, kept in a cookie."""

from fastapi import APIRouter, Request, Response

from services.gateway.addresses import local_path
from services.gateway.cookies import LANGUAGE_SECONDS
from services.gateway.i18n.language import LANGUAGES
from services.gateway.provision import Cookies
from services.gateway.screens.forms import fields, go

router = APIRouter(include_in_schema=False)


@router.post("/language")
async def choose(request: Request, cookies: Cookies) -> Response:
    language, wanted = await fields(request, "language", "next")
    if language in LANGUAGES:
        cookies.write(request, "language", language, LANGUAGE_SECONDS)
    return go(local_path(wanted))
