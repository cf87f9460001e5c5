"""After a rebuild of the read tables: a version may be missing whose event could not be read."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_QUEUE_ALL_UNWANTED = text("""
INSERT INTO unwanted_contents (sha256) SELECT sha256 FROM contents
WHERE NOT EXISTS (SELECT FROM file_versions v WHERE v.sha256 = contents.sha256 AND v.kept)
ON CONFLICT DO NOTHING
""")


async def queue_unwanted_contents(connection: AsyncConnection) -> None:
    """Queue for the sweep every content that no kept version refers to; reads whole tables."""
    await connection.execute(_QUEUE_ALL_UNWANTED)
