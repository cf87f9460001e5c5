"""Rate limits: attempts are counted in the table `throttle`, and refused beyond their limit."""

from collections.abc import Sequence
from datetime import datetime
from math import ceil

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.limits import Limit
from services.auth.tables import throttle
from shared.errors import DomainError


class TooManyAttempts(DomainError):
    code = "too_many_attempts"
    status = 429

    def __init__(self, seconds: int) -> None:
        """Say after how many seconds another attempt is allowed."""
        super().__init__(minutes=ceil(seconds / 60))
        self.retry_after = seconds


async def check(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> None:
    """Raises `TooManyAttempts` when one of the limits is exhausted."""
    after = await throttle.allowed_after(connection, limits, now)
    if after is not None:
        raise TooManyAttempts(max(1, ceil((after - now).total_seconds())))


async def is_exhausted(connection: AsyncConnection, limit: Limit, now: datetime) -> bool:
    return await throttle.allowed_after(connection, [limit], now) is not None


async def acquire(
    connection: AsyncConnection, limits: Sequence[Limit], now: datetime, *, counts: bool = True
) -> None:
    """Like `check`, then count the attempt; one at a time, so that parallel ones are counted."""
    await throttle.lock(connection, limits)
    await check(connection, limits, now)
    if counts:
        await throttle.insert(connection, limits, now)


async def try_acquire(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> bool:
    """Like `acquire`, but False instead of an error."""
    try:
        await acquire(connection, limits, now)
    except TooManyAttempts:
        return False
    return True


async def reset(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> None:
    """Count from zero again."""
    await throttle.lock(connection, limits)
    await throttle.delete(connection, limits, now)
