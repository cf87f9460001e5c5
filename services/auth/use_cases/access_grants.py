"""What an access token is made for; the routes sign it."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.tables.users import Person
from services.auth.use_cases import account
from shared.contracts.auth import Scope
from shared.contracts.http.auth import Preferences


class AccessGrant(NamedTuple):
    """`token` is the session's own new token, if any; without `scopes` everything is allowed."""

    session_id: UUID
    user_id: UUID
    preferences: Preferences
    token: str | None = None
    scopes: list[Scope] | None = None


def grant_to(person: Person, session_id: UUID, token: str) -> AccessGrant:
    """Of a session that has just started."""
    preferences = Preferences.model_validate(person, from_attributes=True)
    return AccessGrant(session_id, person.user_id, preferences, token)


async def load_grant(
    connection: AsyncConnection,
    session_id: UUID,
    user_id: UUID,
    *,
    token: str | None = None,
    scopes: list[Scope] | None = None,
) -> AccessGrant:
    """Of a session or an API token, with the preferences of its owner."""
    preferences = await account.preferences(connection, user_id)
    return AccessGrant(session_id, user_id, preferences, token, scopes)
