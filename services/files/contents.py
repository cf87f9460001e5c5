"""Bytes, kept once by their sha256 for everybody who has them."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.eventsourcing.projection import take_append_lock

SWEPT_AT_ONCE = 100  # contents

_INSERT = "INSERT INTO contents VALUES (:sha256, :content) ON CONFLICT DO NOTHING"
_HOLD = "SELECT true FROM contents WHERE sha256 = :sha256 FOR KEY SHARE"
_UNWANTED = """
NOT EXISTS (SELECT FROM file_versions v WHERE v.sha256 = contents.sha256 AND v.kept)
"""
# Whoever is about to save such bytes holds them already, and only waits for the append lock.
_LOCK = "SELECT sha256 FROM contents WHERE sha256 = ANY(:wanted) FOR UPDATE SKIP LOCKED"
_DROP = f"DELETE FROM contents WHERE sha256 = ANY(:locked) AND {_UNWANTED}"  # noqa: S608
_FIND = f"SELECT sha256 FROM contents WHERE {_UNWANTED} LIMIT :most"  # noqa: S608


async def keep(connection: AsyncConnection, sha256: str, content: bytes) -> None:
    """Have the bytes here, and keep them from being dropped until the end of the transaction."""
    held = False
    while not held:  # others may drop them between the two statements
        await connection.execute(text(_INSERT), {"sha256": sha256, "content": content})
        held = bool(await connection.scalar(text(_HOLD), {"sha256": sha256}))


async def drop_unwanted(connection: AsyncConnection, candidates: Collection[str]) -> int:
    """Delete those that no kept version of anybody has; how many.

    The caller holds the append lock, so that no version is added meanwhile. The second statement
    sees what was committed before the first had its locks.
    """
    rows = await connection.execute(text(_LOCK), {"wanted": list(candidates)})
    locked = list(rows.scalars())
    return (await connection.execute(text(_DROP), {"locked": locked})).rowcount


async def sweep(database: Database) -> int:
    """Delete contents that were left because somebody held them at the moment; how many."""
    async with database.transaction() as connection:
        found = await connection.execute(text(_FIND), {"most": SWEPT_AT_ONCE})
        candidates = list(found.scalars())
    if not candidates:
        return 0
    async with database.transaction() as connection:
        await take_append_lock(connection)
        return await drop_unwanted(connection, candidates)
