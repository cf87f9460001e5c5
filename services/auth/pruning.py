"""Throws away what has served its time."""

from datetime import datetime, timedelta

from sqlalchemy import text

from services.auth.second_factor import BEGUN_LIVES
from services.auth.session_list import Lifetime
from shared.clock import Clock
from shared.db import Database

EVERY = 600.0  # seconds
KEPT = timedelta(days=30)  # what ended, in case its owner asks
YEAR = timedelta(days=365)
LINKS = timedelta(days=7)  # a link made at the last moment lives that much longer

_OLD = (
    ("DELETE FROM throttle WHERE expires_at < :before", timedelta()),
    ("DELETE FROM session_tokens WHERE replaced_at < :before", KEPT),
    ("DELETE FROM sessions WHERE ended_at < :before", KEPT),
    ("DELETE FROM api_tokens WHERE expires_at < :before", KEPT),
    ("DELETE FROM mail_requests WHERE expires_at < :before", LINKS),
    ("DELETE FROM challenges WHERE expires_at < :before", timedelta()),
    ("DELETE FROM second_factors WHERE enabled_at IS NULL AND begun_at < :before", BEGUN_LIVES),
    ("DELETE FROM devices WHERE last_seen_at < :before", YEAR),
    ("DELETE FROM security_log WHERE at < :before", YEAR),
)
_UNUSED = "DELETE FROM sessions WHERE last_used_at < :before"
_BEGUN = "DELETE FROM sessions WHERE created_at < :before"
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || :statement, 0))"


class Pruning:
    """The loop's step."""

    def __init__(self, database: Database, clock: Clock, lifetime: Lifetime) -> None:
        self._database, self._clock = database, clock
        self._statements = [*_OLD, (_UNUSED, lifetime.unused + KEPT)]
        if lifetime.whole is not None:
            self._statements.append((_BEGUN, lifetime.whole + KEPT))

    async def step(self) -> bool:
        now = self._clock()
        for statement, age in self._statements:
            await self._delete(statement, now - age)
        return False

    async def _delete(self, statement: str, before: datetime) -> None:
        """Each in a transaction of its own, so that no lock is held while others are waited for."""
        async with self._database.transaction() as connection:
            if await connection.scalar(text(_ALONE), {"statement": statement}):
                await connection.execute(text(statement), {"before": before})
