"""How far somebody has come in a series of events: the table `checkpoints`."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

RELAY = "relay"  # events up to here are published, or set aside

_POSITION = "SELECT position FROM checkpoints WHERE name = :name"
_MOVE = """
INSERT INTO checkpoints (name, position) VALUES (:name, :position)
ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""


async def position(connection: AsyncConnection, name: str) -> int | None:
    """The last position that is done with; None before the first move."""
    found: int | None = await connection.scalar(text(_POSITION), {"name": name})
    return found


async def move(connection: AsyncConnection, name: str, position: int) -> None:
    await connection.execute(text(_MOVE), {"name": name, "position": position})
