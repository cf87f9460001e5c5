"""What a rebuild of the files' tables leaves to be done: it reads all there is, and may."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.contents import UNWANTED

_LEFT = f"""
INSERT INTO unwanted_contents (sha256) SELECT sha256 FROM contents WHERE {UNWANTED}
ON CONFLICT DO NOTHING
"""  # noqa: S608


async def note_unwanted(connection: AsyncConnection) -> None:
    """Have the sweep look at contents of versions that were left out of the tables."""
    await connection.execute(text(_LEFT))
