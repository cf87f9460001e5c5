"""Checkpoints: the last position that a reader of events has processed, by name."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

RELAY = "relay"  # events up to here are published, or set aside

_POSITION = text("""
SELECT position FROM checkpoints WHERE name = :name
""")

_MOVE = text("""
INSERT INTO checkpoints (name, position) VALUES (:name, :position)
ON CONFLICT (name) DO UPDATE SET position = excluded.position
""")


async def position(connection: AsyncConnection, name: str) -> int | None:
    """The last position that is processed; None before the first move."""
    found: int | None = await connection.scalar(_POSITION, {"name": name})
    return found


async def move(connection: AsyncConnection, name: str, position: int) -> None:
    await connection.execute(_MOVE, {"name": name, "position": position})
