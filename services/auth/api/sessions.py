"""A person's sessions."""

from uuid import UUID

from services.auth.api.dependencies import Deps, Now, Signer, tokens
from services.auth.use_cases import sessions
from shared.contracts.http.auth import EndedSessions, SessionEntry, SessionList, Tokens
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal/sessions")


@router.get("")
async def list_sessions(
    user: CurrentUser, connection: Transaction, deps: Deps, now: Now
) -> SessionList:
    found = await sessions.list_sessions(connection, deps, user, now)
    entries = [SessionEntry(**dict(one), current=one.id == user.session_id) for one in found]
    return SessionList(sessions=entries)


@router.post("/current/access")
async def renew_access(
    user: CurrentUser, connection: Transaction, deps: Deps, signer: Signer, now: Now
) -> Tokens:
    """A fresh access token for the session of the request, for work that outlasts a token.

    Only the gateway needs it, while it makes an archive.
    """
    return tokens(signer, await sessions.renew_access(connection, deps, user, now))


@router.delete("/current", status_code=204)
async def log_out(user: CurrentUser, connection: Transaction, now: Now) -> None:
    await sessions.log_out(connection, user, now)


@router.delete("/{session_id}", status_code=204)
async def end_session(
    session_id: UUID, user: CurrentUser, connection: Transaction, now: Now
) -> None:
    await sessions.end_session(connection, user, session_id, now)


@router.delete("")
async def end_other_sessions(user: CurrentUser, connection: Transaction, now: Now) -> EndedSessions:
    return EndedSessions(ended=await sessions.end_other_sessions(connection, user, now))
