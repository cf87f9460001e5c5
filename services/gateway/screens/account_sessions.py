"""Where one is logged in, and how to end that."""

from uuid import UUID

from fastapi import Request, Response

from services.gateway.provision import Auth, Pages, Sessions
from services.gateway.screens.forms import NOTICES, go, lead_back
from services.gateway.sessions import WebUser
from shared.errors import NotFound
from shared.web.routes import Router

router = Router(prefix="/account/sessions", include_in_schema=False)
lead_back(router, "/end-others", "/account/sessions")
lead_back(router, "/{session_id}/end", "/account/sessions")


@router.get("")
async def listed(
    request: Request, user: WebUser, pages: Pages, auth: Auth, notice: str = ""
) -> Response:
    found = await auth.sessions(user)
    return pages.render(
        request, "account_sessions.html", sessions=found.sessions, notice=NOTICES.get(notice)
    )


@router.post("/end-others")
async def end_others(user: WebUser, auth: Auth, sessions: Sessions) -> Response:
    await auth.end_other_sessions(user)
    sessions.doubt_everybody()
    return go("/account/sessions", notice="sessions_ended")


@router.post("/{session_id}/end")
async def end(user: WebUser, auth: Auth, sessions: Sessions, session_id: UUID) -> Response:
    """End one; a session that has ended meanwhile is as good."""
    try:
        await auth.end_session(user, session_id)
    except NotFound:
        return go("/account/sessions")
    sessions.liveness.end(session_id)
    return go("/account/sessions", notice="session_ended")
