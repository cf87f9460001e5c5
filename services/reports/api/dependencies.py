"""What routes ask for by type: users with a scope, a page, objects that main has made."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request

from services.reports.journal_listener import JournalListener
from services.reports.queries.cursor import MAX_LENGTH
from services.reports.queries.response_limits import ResponseLimits
from shared.web.app import provided
from shared.web.identity import Identity, User, bearer_token, user_with
from shared.web.routes import EarlyDependency

MAX_WAIT = 1.0  # seconds that a request waits until it can read its user's own write

FileReader = Annotated[User, Depends(user_with("files:read"))]
CheckReader = Annotated[User, Depends(user_with("checks:read"))]
Listener = Annotated[JournalListener, provided(JournalListener)]
Responses = Annotated[ResponseLimits, provided(ResponseLimits)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=MAX_LENGTH)]


async def _waiting_user(request: Request) -> User | None:
    """The user of a request that names an event; each route checks the scopes it needs."""
    if "after" not in request.query_params:
        return None
    identity: Identity = request.app.state.identity
    return identity.verify_user(bearer_token(request))


async def _read_your_writes(
    user: Annotated[User | None, Depends(EarlyDependency(_waiting_user))],
    listener: Listener,
    after: UUID | None = None,
) -> None:
    if user is not None and after is not None:
        await listener.wait_for(user.user_id, after, MAX_WAIT)


READ_YOUR_WRITES = [Depends(_read_your_writes)]
