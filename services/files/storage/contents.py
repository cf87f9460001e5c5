"""The bytes of files by their SHA-256; equal bytes are stored once for everybody."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

DELETE_BATCH = 50  # contents of a megabyte each, under the append lock

_INSERT = text("""
INSERT INTO contents (sha256, content) VALUES (:sha256, :content) ON CONFLICT DO NOTHING
""")
_LOCK_SHARED = text("""
SELECT true FROM contents WHERE sha256 = :sha256 FOR KEY SHARE
""")
# A transaction that is about to save such bytes holds a lock on them and waits for the append lock.
_LOCK_UNLOCKED = text("""
SELECT sha256 FROM contents WHERE sha256 = ANY(:candidates) FOR UPDATE SKIP LOCKED
""")
_DELETE = text("""
DELETE FROM contents WHERE sha256 = ANY(:locked)
AND NOT EXISTS (SELECT FROM file_versions v WHERE v.sha256 = contents.sha256 AND v.kept)
""")
_LOAD = text("""
SELECT sha256, content FROM contents WHERE sha256 = ANY(:wanted)
""")
_QUEUE_FOR_SWEEP = text("""
INSERT INTO unwanted_contents (sha256)
SELECT sha256 FROM contents WHERE sha256 = ANY(:skipped) ON CONFLICT DO NOTHING
""")


async def store(connection: AsyncConnection, sha256: str, content: bytes) -> None:
    """Store the bytes unless they are there, and protect them until the transaction ends."""
    protected = False
    while not protected:  # another transaction may delete them between the two statements
        values = {"sha256": sha256, "content": content}
        is_new = (await connection.execute(_INSERT, values)).rowcount == 1
        protected = is_new or bool(await connection.scalar(_LOCK_SHARED, {"sha256": sha256}))


async def load(connection: AsyncConnection, wanted: Collection[str]) -> dict[str, bytes]:
    """Return the stored ones by their SHA-256."""
    rows = await connection.execute(_LOAD, {"wanted": list(wanted)})
    return {row.sha256: bytes(row.content) for row in rows}


async def delete_unwanted(connection: AsyncConnection, candidates: Collection[str]) -> int:
    """Delete those that no kept version of anybody refers to; return how many.

    The caller holds the append lock, so that no version is added meanwhile, and passes at most
    `DELETE_BATCH`. The second statement sees what was committed before the first had its locks.
    Contents that another transaction has locked are queued for the sweep.
    """
    rows = await connection.execute(_LOCK_UNLOCKED, {"candidates": list(candidates)})
    locked = list(rows.scalars())
    deleted = (await connection.execute(_DELETE, {"locked": locked})).rowcount
    if skipped := set(candidates) - set(locked):
        await connection.execute(_QUEUE_FOR_SWEEP, {"skipped": list(skipped)})
    return deleted
