"""The append lock: one transaction at a time appends events to a schema.

Positions are therefore assigned in the order of commits, and one integer is a safe cursor for the
relay, for projections and for rebuilds. `EventStore.append` takes the lock by itself, in the
database function `append_events`; take it earlier to read what no writer may change meanwhile.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_APPEND_LOCK = text("""
SELECT pg_advisory_xact_lock(
    hashtextextended(coalesce(CAST(:schema AS text), current_schema()) || '/append', 0))
""")


async def take_append_lock(connection: AsyncConnection, schema: str | None = None) -> None:
    """Wait for the schema's only writer to finish; held until the end of the transaction."""
    await connection.execute(_APPEND_LOCK, {"schema": schema})
