"""Counting attempts in Postgres, so that no restart and no second copy forgets them.

A window slides: a limit of 10 in 15 minutes holds for any 15 minutes. Only what was let through is
counted, so that there are never more rows than the limits allow.

Whoever counts holds a lock of each key until the transaction ends. Everybody takes locks in one
order, so that nobody waits in a circle: first the rows of people, then the locks of keys, all at
once and sorted, last the append lock. A key that many people share, such as that of a network or of
everybody, is counted in a transaction that does nothing else.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import DomainError


class TooManyAttempts(DomainError):
    code = "too_many_attempts"
    status = 429

    def __init__(self, seconds: int) -> None:
        """Say after how many seconds another attempt is let through."""
        super().__init__(minutes=ceil(seconds / 60))
        self.retry_after = seconds


@dataclass(frozen=True)
class Limit:
    """At most so many attempts of one key in the time before now."""

    key: bytes
    most: int
    window: timedelta


def key_of(secret: bytes, *parts: str) -> bytes:
    """16 bytes whatever the parts; without the secret they don't tell of whom."""
    message = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hmac.digest(secret, b"throttle\0" + message, "sha256")[:16]


async def check(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> None:
    """Raises `TooManyAttempts` when one of the limits is used up."""
    until = await _used_up_until(connection, limits, now)
    if until is not None:
        raise TooManyAttempts(max(1, ceil((until - now).total_seconds())))


async def is_used_up(connection: AsyncConnection, limit: Limit, now: datetime) -> bool:
    return await _used_up_until(connection, [limit], now) is not None


async def hold(connection: AsyncConnection, limits: Sequence[Limit]) -> None:
    """Let nobody else count these until the transaction ends.

    Whoever enters twice in one transaction holds all of it first.
    """
    locks = sorted({_lock_of(limit) for limit in limits})
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(lock) FROM unnest(CAST(:locks AS bigint[])) AS lock"),
        {"locks": locks},
    )


async def enter(
    connection: AsyncConnection, limits: Sequence[Limit], now: datetime, *, counts: bool = True
) -> None:
    """Like `check`, then count the attempt; one at a time, so that parallel ones are counted."""
    await hold(connection, limits)
    await check(connection, limits, now)
    if counts:
        await _count(connection, limits, now)


async def allows(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> bool:
    """Like `enter`, for what is left out silently."""
    try:
        await enter(connection, limits, now)
    except TooManyAttempts:
        return False
    return True


async def forget(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> None:
    """Count from nothing again. What has run out is left to those who prune."""
    await hold(connection, limits)
    await connection.execute(
        text("DELETE FROM throttle WHERE key = ANY(:keys) AND expires_at >= :now"),
        {"keys": [limit.key for limit in limits], "now": now},
    )


def _lock_of(limit: Limit) -> int:
    return int.from_bytes(limit.key[:8], signed=True)


async def _used_up_until(
    connection: AsyncConnection, limits: Sequence[Limit], now: datetime
) -> datetime | None:
    """When another attempt is let through; None where one is now."""
    until: datetime | None = await connection.scalar(
        text(
            "SELECT max(nth.at + rule.pause) FROM unnest("
            " CAST(:keys AS bytea[]), CAST(:most AS int[]), CAST(:pauses AS interval[])"
            ") AS rule (key, most, pause) CROSS JOIN LATERAL ("
            " SELECT at FROM throttle WHERE key = rule.key"
            " AND at > CAST(:now AS timestamptz) - rule.pause"
            " ORDER BY at DESC OFFSET rule.most - 1 LIMIT 1) AS nth"
        ),
        {**_arrays(limits), "most": [limit.most for limit in limits], "now": now},
    )
    return until


async def _count(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> None:
    await connection.execute(
        text(
            "INSERT INTO throttle (key, at, expires_at)"
            " SELECT key, CAST(:now AS timestamptz), CAST(:now AS timestamptz) + pause"
            " FROM unnest(CAST(:keys AS bytea[]), CAST(:pauses AS interval[])) AS rule (key, pause)"
        ),
        {**_arrays(limits), "now": now},
    )


def _arrays(limits: Sequence[Limit]) -> dict[str, object]:
    return {
        "keys": [limit.key for limit in limits],
        "pauses": [limit.window for limit in limits],
    }
