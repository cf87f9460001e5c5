"""What a rebuild of the files' tables leaves to be done: it reads all there is, and may."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LEFT = text("""
INSERT INTO unwanted_contents (sha256) SELECT sha256 FROM contents
WHERE NOT EXISTS (SELECT FROM file_versions v WHERE v.sha256 = contents.sha256 AND v.kept)
ON CONFLICT DO NOTHING
""")


async def note_unwanted(connection: AsyncConnection) -> None:
    """Have the sweep look at contents of versions that were left out of the tables."""
    await connection.execute(_LEFT)
