"""Deletes rows that are no longer needed."""

from datetime import timedelta

from services.auth.domain.session_limits import SessionLimits
from services.auth.tables import pruning
from services.auth.tables.second_factors import UNCONFIRMED_LIFETIME
from shared.clock import Clock
from shared.db import Database

INTERVAL = 600.0  # seconds
MONTH = timedelta(days=30)  # until then the owner may ask about what has ended
YEAR = timedelta(days=365)
LINKS = timedelta(days=7)  # a link made at the last moment is valid that much longer


class PruningLoop:
    """Deletes in batches, each in a transaction of its own: no lock is held while others wait."""

    def __init__(self, database: Database, clock: Clock, limits: SessionLimits) -> None:
        self._database, self._clock = database, clock
        self._deletions = [
            (pruning.EXPIRED_ATTEMPTS, timedelta()),
            (pruning.REPLACED_SESSION_TOKENS, MONTH),
            (pruning.ENDED_SESSIONS, MONTH),
            (pruning.EXPIRED_API_TOKENS, MONTH),
            (pruning.EXPIRED_MAIL_REQUESTS, LINKS),
            (pruning.EXPIRED_CHALLENGES, timedelta()),
            (pruning.UNCONFIRMED_SECOND_FACTORS, UNCONFIRMED_LIFETIME),
            (pruning.UNSEEN_DEVICES, YEAR),
            (pruning.OLD_LOG_ENTRIES, YEAR),
            (pruning.UNUSED_SESSIONS, limits.max_idle + MONTH),
        ]
        if limits.max_age is not None:
            self._deletions.append((pruning.OLD_SESSIONS, limits.max_age + MONTH))

    async def step(self) -> bool:
        """Delete a batch of each kind; True when there may be more.

        In this order: as long as there are more replaced tokens, their sessions are kept.
        """
        now = self._clock()
        for statement, age in self._deletions:
            async with self._database.transaction() as connection:
                deleted = await pruning.delete(connection, statement, now - age)
            if deleted == pruning.BATCH:
                return True
        return False
