"""Checks that the session of a request has not ended.

The gateway caches for half a minute that a session is active; commands must not rely on that.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientSummary
from services.auth.tables import sessions, users
from services.auth.tables.users import Person
from shared.errors import Unauthenticated
from shared.web.identity import User


async def authenticated_person(
    connection: AsyncConnection, user: User
) -> tuple[Person, ClientSummary]:
    """Lock the person; return also the client of the session.

    Raises `Unauthenticated` when the session has ended.
    """
    person = await users.lock(connection, user.user_id)
    client = await check_session(connection, user)
    if person is None:
        raise Unauthenticated
    return person, client


async def check_session(connection: AsyncConnection, user: User) -> ClientSummary:
    """The client of the session, for what only reads; raises like `authenticated_person`."""
    client = await sessions.find_client(connection, user.session_id, user.user_id)
    if client is None:
        raise Unauthenticated
    return client
