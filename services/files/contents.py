"""Bytes, kept once by their sha256 for everybody who has them."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.eventsourcing.projection import take_append_lock

DROPPED_AT_ONCE = 50  # contents of a megabyte each, under the append lock

_INSERT = text("""
INSERT INTO contents VALUES (:sha256, :content) ON CONFLICT DO NOTHING
""")
_HOLD = text("""
SELECT true FROM contents WHERE sha256 = :sha256 FOR KEY SHARE
""")
# Whoever is about to save such bytes holds them already, and only waits for the append lock.
_LOCK = text("""
SELECT sha256 FROM contents WHERE sha256 = ANY(:wanted) FOR UPDATE SKIP LOCKED
""")
_DROP = text("""
DELETE FROM contents WHERE sha256 = ANY(:locked)
AND NOT EXISTS (SELECT FROM file_versions v WHERE v.sha256 = contents.sha256 AND v.kept)
""")
_HELD = text("""
INSERT INTO unwanted_contents (sha256)
SELECT sha256 FROM contents WHERE sha256 = ANY(:left) ON CONFLICT DO NOTHING
""")
_NOTED = text("""
SELECT sha256 FROM unwanted_contents WHERE sha256 > :after ORDER BY sha256 LIMIT :most
""")
_UNNOTE = text("""
DELETE FROM unwanted_contents WHERE sha256 = ANY(:noted)
""")


async def keep(connection: AsyncConnection, sha256: str, content: bytes) -> None:
    """Have the bytes here, and keep them from being dropped until the end of the transaction."""
    held = False
    while not held:  # others may drop them between the two statements
        values = {"sha256": sha256, "content": content}
        is_new = (await connection.execute(_INSERT, values)).rowcount == 1
        held = is_new or bool(await connection.scalar(_HOLD, {"sha256": sha256}))


async def drop_unwanted(connection: AsyncConnection, candidates: Collection[str]) -> int:
    """Delete those that no kept version of anybody has; how many.

    The caller holds the append lock, so that no version is added meanwhile, and gives at most
    `DROPPED_AT_ONCE`. The second statement sees what was committed before the first had its locks.
    What somebody holds at the moment is noted, for the sweep.
    """
    rows = await connection.execute(_LOCK, {"wanted": list(candidates)})
    locked = list(rows.scalars())
    dropped = (await connection.execute(_DROP, {"locked": locked})).rowcount
    if left := set(candidates) - set(locked):
        await connection.execute(_HELD, {"left": list(left)})
    return dropped


async def sweep(database: Database, after: str = "") -> tuple[int, str]:
    """Delete contents that are noted as unwanted, some of those after a sha256.

    How many it has deleted, and the last one looked at, empty at the end.
    """
    values = {"after": after, "most": DROPPED_AT_ONCE}
    async with database.transaction() as connection:
        noted = (await connection.scalars(_NOTED, values)).all()
    if not noted:
        return 0, ""
    async with database.transaction() as connection:
        await take_append_lock(connection)
        await connection.execute(_UNNOTE, {"noted": noted})
        dropped = await drop_unwanted(connection, noted)
    return dropped, noted[-1] if len(noted) == DROPPED_AT_ONCE else ""
