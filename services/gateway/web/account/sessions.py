"""The list of active sessions, which can be ended."""

from uuid import UUID

from fastapi import Request, Response

from services.gateway.dependencies import Auth, Sessions
from services.gateway.identity.sessions import WebUser
from services.gateway.web.flash_messages import FLASH_MESSAGES
from services.gateway.web.forms import redirect_get_to, see_other
from services.gateway.web.rendering import Pages
from shared.errors import NotFound
from shared.web.routes import Router

router = Router(prefix="/account/sessions", include_in_schema=False)
redirect_get_to(router, "/end-others", "/account/sessions")
redirect_get_to(router, "/{session_id}/end", "/account/sessions")


@router.get("")
async def listed(
    request: Request, user: WebUser, pages: Pages, auth: Auth, notice: str = ""
) -> Response:
    found = await auth.sessions(user)
    return pages.render(
        request, "account_sessions.html", sessions=found.sessions, notice=FLASH_MESSAGES.get(notice)
    )


@router.post("/end-others")
async def end_others(user: WebUser, auth: Auth, sessions: Sessions) -> Response:
    await auth.end_other_sessions(user)
    sessions.invalidate_all()
    return see_other("/account/sessions", notice="sessions_ended")


@router.post("/{session_id}/end")
async def end(user: WebUser, auth: Auth, sessions: Sessions, session_id: UUID) -> Response:
    """End a session; it may have ended before."""
    try:
        await auth.end_session(user, session_id)
    except NotFound:
        return see_other("/account/sessions")
    sessions.active.end(session_id)
    return see_other("/account/sessions", notice="session_ended")
