"""Finds out by writing whether the database takes writes."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_PROBE = text("""
INSERT INTO checkpoints (name, position) VALUES (:name, 1)
ON CONFLICT (name) DO UPDATE SET position = checkpoints.position + 1
""")


async def probe_write(connection: AsyncConnection, service: str) -> None:
    """Write a row that nobody reads, in the connection's schema; raises what Postgres raises."""
    await connection.execute(_PROBE, {"name": f"probe/{service}"})
