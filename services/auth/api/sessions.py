"""A person's sessions."""

from uuid import UUID

from services.auth import accounts, queries, security_log, session_list
from services.auth.api.parts import Lifetimes, Now, Signer, tokens
from shared.contracts.http.auth import Ended, SessionEntry, SessionList, Tokens
from shared.errors import NotFound, Unauthenticated
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal/sessions")


@router.get("")
async def my_sessions(
    user: CurrentUser, connection: Transaction, lifetime: Lifetimes, now: Now
) -> SessionList:
    await accounts.place_of(connection, user)
    found = await session_list.active(connection, user.user_id, now, lifetime)
    listed = [SessionEntry(**dict(one), current=one.id == user.session_id) for one in found]
    return SessionList(sessions=listed)


@router.post("/current/access")
async def prolong(
    user: CurrentUser, connection: Transaction, signer: Signer, lifetime: Lifetimes, now: Now
) -> Tokens:
    """A fresh access token for the session that asks, for what takes longer than a token lives.

    The public never asks this: the gateway does, while it makes an archive.
    """
    if not await session_list.is_alive(connection, user.session_id, now, lifetime):
        raise Unauthenticated
    preferences = await queries.preferences(connection, user.user_id)
    return tokens(signer, user.session_id, user.user_id, preferences)


@router.delete("/current", status_code=204)
async def log_out(user: CurrentUser, connection: Transaction, now: Now) -> None:
    await accounts.lock(connection, user.user_id)
    place = await session_list.end(connection, user.user_id, user.session_id, now)
    if place is not None:
        await security_log.note(connection, user.user_id, "signed_out", now, place)


@router.delete("/{session_id}", status_code=204)
async def end_session(
    session_id: UUID, user: CurrentUser, connection: Transaction, now: Now
) -> None:
    _, place = await accounts.authenticated_person(connection, user)
    if await session_list.end(connection, user.user_id, session_id, now) is None:
        raise NotFound
    await security_log.note(connection, user.user_id, "session_ended", now, place)


@router.delete("")
async def end_other_sessions(user: CurrentUser, connection: Transaction, now: Now) -> Ended:
    _, place = await accounts.authenticated_person(connection, user)
    ended = await session_list.end_all(connection, user.user_id, now, but=user.session_id)
    if ended:
        await security_log.note(connection, user.user_id, "session_ended", now, place)
    return Ended(ended=ended)
