"""Confirming an address by the link that was mailed there."""

from fastapi import APIRouter, Request, Response

from services.gateway.headers import SECRET_ADDRESS
from services.gateway.provision import Auth, Callers, Pages, Sessions
from services.gateway.screens.forms import go
from services.gateway.screens.password import LinkToken
from services.gateway.sessions import Visitor
from shared.errors import DomainError

router = APIRouter(include_in_schema=False)
_NOTICES = {"confirm_email": "confirmed", "confirm_new_email": "new_address"}


@router.get("/confirm/{token}")
async def ask(request: Request, _: Visitor, pages: Pages, token: LinkToken) -> Response:
    """Looking uses nothing up: mail programs and scanners follow links too."""
    del token
    return pages.render(request, "confirmation.html", headers=SECRET_ADDRESS)


@router.post("/confirm/{token}")
async def confirm(
    request: Request,
    visitor: Visitor,
    pages: Pages,
    auth: Auth,
    sessions: Sessions,
    callers: Callers,
    token: LinkToken,
) -> Response:
    try:
        confirmed = await auth.confirm(token, callers.browser(request))
    except DomainError as error:
        return pages.refuse(request, "confirmation.html", error, headers=SECRET_ADDRESS)
    sessions.unconfirmed.forget()
    return go("/account" if visitor else "/login", notice=_NOTICES[confirmed.kind])
