"""Whether the database takes writes: found out by writing."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def probe_write(connection: AsyncConnection, service: str) -> None:
    """Write a row that nobody reads, in the connection's schema; raises what Postgres raises."""
    await connection.execute(
        text(
            "INSERT INTO checkpoints (name, position) VALUES (:name, 1)"
            " ON CONFLICT (name) DO UPDATE SET position = checkpoints.position + 1"
        ),
        {"name": f"probe/{service}"},
    )
