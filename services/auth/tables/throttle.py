"""Table `throttle`: attempts that were allowed, by the key of their limit.

It is in Postgres so that a restart or a second copy forgets no attempt. A window slides: a limit of
10 in 15 minutes holds for any 15 minutes. Only allowed attempts are counted, so that there are
never more rows than the limits allow.

Whoever counts holds an advisory lock of each key until the transaction ends. Everybody takes locks
in one order, so that there are no deadlocks: first the rows of people, then the locks of keys, all
at once and sorted, last the append lock. A key that many people share, such as that of a network or
of everybody, is counted in a transaction that does nothing else.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.limits import Limit

_LOCK = text("""
SELECT pg_advisory_xact_lock(lock) FROM unnest(CAST(:locks AS bigint[])) AS lock
""")
_ALLOWED_AFTER = text("""
SELECT max(nth.at + rule.pause)
FROM unnest(
    CAST(:keys AS bytea[]), CAST(:most AS int[]), CAST(:windows AS interval[])
) AS rule (key, most, pause)
CROSS JOIN LATERAL (
    SELECT at FROM throttle
    WHERE key = rule.key AND at > CAST(:now AS timestamptz) - rule.pause
    ORDER BY at DESC OFFSET rule.most - 1 LIMIT 1
) AS nth
""")
_INSERT = text("""
INSERT INTO throttle (key, at, expires_at)
SELECT key, CAST(:now AS timestamptz), CAST(:now AS timestamptz) + pause
FROM unnest(CAST(:keys AS bytea[]), CAST(:windows AS interval[])) AS rule (key, pause)
""")
_DELETE = text("DELETE FROM throttle WHERE key = ANY(:keys) AND expires_at >= :now")


async def lock(connection: AsyncConnection, limits: Sequence[Limit]) -> None:
    """Nobody else counts these attempts until the transaction ends.

    A transaction that counts twice locks all of its limits before.
    """
    locks = sorted({_lock_number(limit) for limit in limits})
    await connection.execute(_LOCK, {"locks": locks})


async def allowed_after(
    connection: AsyncConnection, limits: Sequence[Limit], now: datetime
) -> datetime | None:
    """When another attempt is allowed; None if it is now."""
    values = {
        **_keys_and_windows(limits),
        "most": [limit.max_attempts for limit in limits],
        "now": now,
    }
    found: datetime | None = await connection.scalar(_ALLOWED_AFTER, values)
    return found


async def insert(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> None:
    await connection.execute(_INSERT, {**_keys_and_windows(limits), "now": now})


async def delete(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> None:
    """Expired rows are left to pruning."""
    await connection.execute(_DELETE, {"keys": [limit.key for limit in limits], "now": now})


def _lock_number(limit: Limit) -> int:
    return int.from_bytes(limit.key[:8], signed=True)


def _keys_and_windows(limits: Sequence[Limit]) -> dict[str, object]:
    return {
        "keys": [limit.key for limit in limits],
        "windows": [limit.window for limit in limits],
    }
