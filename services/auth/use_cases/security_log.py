"""Reads the security log."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.tables import security_log
from services.auth.use_cases.authentication import check_session
from shared.contracts.http.auth import SecurityEntry
from shared.web.identity import User


async def read_page(
    connection: AsyncConnection, user: User, before: int | None, limit: int
) -> tuple[Sequence[SecurityEntry], int | None]:
    """The newest entries first, and `before` of the next page, if there is one."""
    await check_session(connection, user)
    found = await security_log.list_page(connection, user.user_id, before, limit + 1)
    next_before = found[limit - 1].id if len(found) > limit else None
    return found[:limit], next_before
