"""What a transaction has cost, whatever the machine."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_READ = "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables"


async def rows_read(connection: AsyncConnection) -> int:
    """How many rows of tables it has read so far, also those it threw away."""
    return int(await connection.scalar(text(_READ)) or 0)
