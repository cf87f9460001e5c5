"""The log of security events of the account."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.gateway.dependencies import Auth, Settings
from services.gateway.i18n.labels import SECURITY
from services.gateway.identity.sessions import WebUser
from services.gateway.web.rendering import Pages
from shared.web.routes import Router

MAX_PAGE_SIZE = 100  # the limit of auth
router = Router(prefix="/account/security", include_in_schema=False)


@router.get("")
async def security(
    request: Request,
    user: WebUser,
    pages: Pages,
    auth: Auth,
    settings: Settings,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    page = await auth.security_log(user, cursor, min(MAX_PAGE_SIZE, settings.page_size))
    return pages.render(request, "account_security.html", page=page, cursor=cursor, kinds=SECURITY)
