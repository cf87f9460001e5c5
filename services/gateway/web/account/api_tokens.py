"""API tokens: create, list, revoke."""

from typing import Any, get_args
from uuid import UUID

from fastapi import Request, Response

from services.gateway.clients import AuthClient
from services.gateway.dependencies import Auth, Sessions
from services.gateway.errors import LifetimeMissing, ScopesMissing
from services.gateway.i18n.labels import SCOPES
from services.gateway.identity.sessions import WebUser
from services.gateway.web.flash_messages import FLASH_MESSAGES
from services.gateway.web.forms import chosen, fields, redirect_get_to, see_other
from services.gateway.web.rendering import Pages
from shared.contracts.auth import Scope
from shared.errors import DomainError, NotFound, Unauthenticated
from shared.web.identity import User
from shared.web.routes import Router

router = Router(prefix="/account/tokens", include_in_schema=False)
redirect_get_to(router, "/{token_id}/revoke", "/account/tokens")
LIFETIMES = (7, 30, 90, 365)  # days
TEMPLATE = "account_tokens.html"
DEFAULT_DAYS = 90


@router.get("")
async def tokens(
    request: Request, user: WebUser, pages: Pages, auth: Auth, notice: str = ""
) -> Response:
    values = await _values(user, auth)
    return pages.render(request, TEMPLATE, **values | {"notice": FLASH_MESSAGES.get(notice)})


@router.post("")
async def make(request: Request, user: WebUser, pages: Pages, auth: Auth) -> Response:
    """Create a token, and show its secret, which no other page can show."""
    name, lifetime = await fields(request, "name", "days")
    scopes = await chosen(request, "scopes")
    days = int(lifetime) if lifetime in map(str, LIFETIMES) else 0
    try:
        _check(scopes, days)
        made = await auth.make_token(user, name.strip(), scopes, days)
    except Unauthenticated:
        raise
    except DomainError as error:
        typed = {"name": name, "wanted": scopes, "days": days or DEFAULT_DAYS}
        return pages.refuse(request, TEMPLATE, error, **await _values(user, auth) | typed)
    return pages.render(request, TEMPLATE, **await _values(user, auth) | {"made": made})


@router.post("/{token_id}/revoke")
async def revoke(user: WebUser, auth: Auth, sessions: Sessions, token_id: UUID) -> Response:
    """Revoke a token; it may have been revoked before."""
    try:
        await auth.revoke_token(user, token_id)
    except NotFound:
        return see_other("/account/tokens")
    sessions.mark_revoked(token_id)
    return see_other("/account/tokens", notice="token_revoked")


def _check(scopes: list[str], days: int) -> None:
    if not scopes or not set(scopes) <= set(get_args(Scope)):
        raise ScopesMissing
    if not days:
        raise LifetimeMissing


async def _values(user: User, auth: AuthClient) -> dict[str, Any]:
    """The existing tokens, and an empty form for a new one."""
    listed = await auth.tokens(user)
    return {
        "tokens": listed.tokens,
        "made": None,
        "name": "",
        "wanted": [],
        "days": DEFAULT_DAYS,
        "lifetimes": LIFETIMES,
        "explained": SCOPES,
        "notice": None,
    }
