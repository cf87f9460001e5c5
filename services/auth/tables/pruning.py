"""Deletes rows of all tables that are no longer needed, a bounded number at a time."""

from datetime import datetime

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.bounded_deletion import batch_deletion

BATCH = 1000  # rows, and what refers to them; replaced tokens are deleted before their sessions

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || :what, 0))")
EXPIRED_ATTEMPTS = text(batch_deletion("throttle", "expires_at < :before"))
REPLACED_SESSION_TOKENS = text(batch_deletion("session_tokens", "replaced_at < :before"))
ENDED_SESSIONS = text(batch_deletion("sessions", "ended_at < :before"))
UNUSED_SESSIONS = text(batch_deletion("sessions", "last_used_at < :before"))
OLD_SESSIONS = text(batch_deletion("sessions", "created_at < :before"))
EXPIRED_API_TOKENS = text(batch_deletion("api_tokens", "expires_at < :before"))
EXPIRED_MAIL_REQUESTS = text(batch_deletion("mail_requests", "expires_at < :before"))
EXPIRED_CHALLENGES = text(batch_deletion("challenges", "expires_at < :before"))
UNCONFIRMED_SECOND_FACTORS = text(
    batch_deletion("second_factors", "enabled_at IS NULL AND begun_at < :before")
)
UNSEEN_DEVICES = text(batch_deletion("devices", "last_seen_at < :before"))
OLD_LOG_ENTRIES = text(batch_deletion("security_log", "at < :before"))


async def delete(connection: AsyncConnection, statement: TextClause, before: datetime) -> int:
    """How many rows were deleted, at most `BATCH`; 0 while another transaction does the same."""
    if not await connection.scalar(_LOCK, {"what": str(statement)}):
        return 0
    return (await connection.execute(statement, {"before": before, "limit": BATCH})).rowcount
