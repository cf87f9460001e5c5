"""Throws away what has served its time."""

from datetime import datetime, timedelta

from sqlalchemy import text

from services.auth.second_factor import BEGUN_LIVES
from services.auth.session_list import Lifetime
from shared.clock import Clock
from shared.db import Database
from shared.deletion import delete_some

EVERY = 600.0  # seconds
KEPT = timedelta(days=30)  # what ended, in case its owner asks
YEAR = timedelta(days=365)
LINKS = timedelta(days=7)  # a link made at the last moment lives that much longer

AT_ONCE = 1000  # rows, and what hangs on them; sessions have no token left that was replaced

_OLD = (
    ("throttle", "expires_at < :before", timedelta()),
    ("session_tokens", "replaced_at < :before", KEPT),
    ("sessions", "ended_at < :before", KEPT),
    ("api_tokens", "expires_at < :before", KEPT),
    ("mail_requests", "expires_at < :before", LINKS),
    ("challenges", "expires_at < :before", timedelta()),
    ("second_factors", "enabled_at IS NULL AND begun_at < :before", BEGUN_LIVES),
    ("devices", "last_seen_at < :before", YEAR),
    ("security_log", "at < :before", YEAR),
)
_UNUSED = "last_used_at < :before"
_BEGUN = "created_at < :before"
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || :what, 0))"


class Pruning:
    """The loop's step."""

    def __init__(self, database: Database, clock: Clock, lifetime: Lifetime) -> None:
        self._database, self._clock = database, clock
        self._old = [*_OLD, ("sessions", _UNUSED, lifetime.unused + KEPT)]
        if lifetime.whole is not None:
            self._old.append(("sessions", _BEGUN, lifetime.whole + KEPT))

    async def step(self) -> bool:
        """Delete some of everything; True when there may be more.

        In order: where there are more tokens, the sessions wait.
        """
        now = self._clock()
        for table, condition, age in self._old:
            if await self._delete(table, condition, now - age) == AT_ONCE:
                return True
        return False

    async def _delete(self, table: str, condition: str, before: datetime) -> int:
        """Each in a transaction of its own, so that no lock is held while others are waited for."""
        async with self._database.transaction() as connection:
            if not await connection.scalar(text(_ALONE), {"what": table + condition}):
                return 0
            return await delete_some(connection, table, condition, {"before": before}, AT_ONCE)
