"""Bytes, kept once by their sha256 for everybody who has them."""

from collections.abc import Collection, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.eventsourcing.projection import take_append_lock

DROPPED_AT_ONCE = 50  # contents of a megabyte each, under the append lock
SWEPT_AT_ONCE = 1000  # contents looked at

_INSERT = "INSERT INTO contents VALUES (:sha256, :content) ON CONFLICT DO NOTHING"
_HOLD = "SELECT true FROM contents WHERE sha256 = :sha256 FOR KEY SHARE"
_UNWANTED = """
NOT EXISTS (SELECT FROM file_versions v WHERE v.sha256 = contents.sha256 AND v.kept)
"""
# Whoever is about to save such bytes holds them already, and only waits for the append lock.
_LOCK = "SELECT sha256 FROM contents WHERE sha256 = ANY(:wanted) FOR UPDATE SKIP LOCKED"
_DROP = f"DELETE FROM contents WHERE sha256 = ANY(:locked) AND {_UNWANTED}"  # noqa: S608
_LAST = """
SELECT max(sha256) FROM (
    SELECT sha256 FROM contents WHERE sha256 > :after ORDER BY sha256 LIMIT :most) AS next
"""
_FIND = f"""
SELECT sha256 FROM contents WHERE sha256 > :after AND sha256 <= :last AND {_UNWANTED}
"""  # noqa: S608


async def keep(connection: AsyncConnection, sha256: str, content: bytes) -> None:
    """Have the bytes here, and keep them from being dropped until the end of the transaction."""
    held = False
    while not held:  # others may drop them between the two statements
        values = {"sha256": sha256, "content": content}
        is_new = (await connection.execute(text(_INSERT), values)).rowcount == 1
        held = is_new or bool(await connection.scalar(text(_HOLD), {"sha256": sha256}))


async def drop_unwanted(connection: AsyncConnection, candidates: Collection[str]) -> int:
    """Delete those that no kept version of anybody has; how many.

    The caller holds the append lock, so that no version is added meanwhile, and gives at most
    `DROPPED_AT_ONCE`. The second statement sees what was committed before the first had its locks.
    """
    rows = await connection.execute(text(_LOCK), {"wanted": list(candidates)})
    locked = list(rows.scalars())
    return (await connection.execute(text(_DROP), {"locked": locked})).rowcount


async def drop_in_steps(database: Database, candidates: Sequence[str]) -> int:
    """`drop_unwanted` for any number, in transactions of their own.

    The sweep finds what is left where they break off.
    """
    dropped = 0
    for start in range(0, len(candidates), DROPPED_AT_ONCE):
        async with database.transaction() as connection:
            await take_append_lock(connection)
            some = candidates[start : start + DROPPED_AT_ONCE]
            dropped += await drop_unwanted(connection, some)
    return dropped


async def sweep(database: Database, after: str = "") -> tuple[int, str]:
    """Delete contents that were left because somebody held them at the moment.

    Looks at the next contents after a sha256. How many it has deleted, and the last one looked at,
    empty at the end.
    """
    async with database.transaction() as connection:
        values = {"after": after, "most": SWEPT_AT_ONCE}
        last = await connection.scalar(text(_LAST), values)
        found = await connection.scalars(text(_FIND), {"after": after, "last": last or ""})
        candidates = found.all()
    return await drop_in_steps(database, candidates), last or ""
