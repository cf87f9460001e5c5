"""Finds out which copies of a service are running, and ends the claims of those that died."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database, DatabaseUnavailable, translate_connection_errors
from shared.db.keepalive import set_idle_session_timeout
from shared.logging import log

LOOK_INTERVAL = 0.4  # seconds
# Seconds without a session after which a copy is taken for dead. One that only lost its session
# finds out at its next look, and has it back at once.
DEAD_AFTER = 1.2
# Seconds after a session was lost and came back in which nobody is missed: Postgres may have
# restarted, and all copies come back one by one.
TRUST_AFTER_RECOVERY = 10.0
# Seconds after which Postgres ends the session of a copy that says nothing: it is frozen, or its
# machine is gone. More than any step holds up the event loop.
IDLE_SESSION_TIMEOUT = 30.0

EndClaims = Callable[[AsyncConnection, Collection[int]], Awaitable[int]]
"""`async (connection, copies) → claims ended`: makes due what these dead copies had claimed."""

_TRY_LOCK = text("""
SELECT pg_try_advisory_lock(hashtext(current_schema() || '/copy'), :number)
""")

# `objsubid` 2 stands for locks of two keys.
_ABSENT = """
SELECT DISTINCT claimed_by FROM {table} WHERE claimed_by IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND granted
      AND classid = CAST(hashtext(current_schema() || '/copy') AS oid)
      AND objid = CAST(claimed_by AS oid)
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""


class Copy:
    """This running copy, under a number that no other copy of the service has.

    The number is a lock of a session, which Postgres drops with the process. Claims carry it; they
    end when their copy was seen to be absent for a while. A copy that is not
    `is_present` claims nothing.
    """

    def __init__(
        self,
        database: Database,
        table: str,
        end_claims: EndClaims,
        *,
        idle_session_timeout: float = IDLE_SESSION_TIMEOUT,
        random_number: Callable[[], int] = lambda: secrets.randbelow(2**31 - 1) + 1,
    ) -> None:
        """Take the table whose `claimed_by` names copies, and how their claims are ended."""
        self._database, self._end_claims = database, end_claims
        self._absent_query = text(_ABSENT.format(table=table))
        self._idle_session_timeout = idle_session_timeout
        self._random_number = random_number
        self._connection: AsyncConnection | None = None
        self._absent: dict[int, float] = {}
        self._trust_from = 0.0
        self._had_number = False  # whether the number has ever been ours
        self.number = random_number()
        self.doorbell = asyncio.Event()  # of the loop that does the work

    @property
    def is_present(self) -> bool:
        """Whether others can see this copy."""
        return self._connection is not None

    async def step(self) -> bool:
        """Keep the session, end the claims of the dead; True when the session was lost just now.

        Never raises because the database is away: a loop would wait longer and longer.
        """
        try:
            with translate_connection_errors():
                await self._look()
        except DatabaseUnavailable as away:
            lost = self.is_present
            if lost:
                log.warning("copy_session_lost", copy=self.number, reason=away.code)
            await self.close()
            return lost
        except BaseException:
            await self.close()
            raise
        return False

    async def close(self) -> None:
        """End the session; others will end the claims that this copy holds."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await _discard(connection)

    async def _look(self) -> None:
        connection = self._connection or await self._open()
        if connection is None:
            return
        async with connection.begin():
            absent = (await connection.scalars(self._absent_query)).all()
        now = time.monotonic()
        if now < self._trust_from:
            return
        self._absent = {number: self._absent.get(number, now) for number in absent}
        dead = [number for number, since in self._absent.items() if now - since >= DEAD_AFTER]
        if dead:
            async with connection.begin():
                ended = await self._end_claims(connection, dead)
            log.warning("claims_of_dead_copies_ended", copies=dead, claims=ended)
            self.doorbell.set()

    async def _open(self) -> AsyncConnection | None:
        """Open a session under our number; None while another copy has it."""
        connection = await self._database.connect()
        try:
            async with connection.begin():
                won = await connection.scalar(_TRY_LOCK, {"number": self.number})
                await set_idle_session_timeout(connection, self._idle_session_timeout)
        except BaseException:
            await _discard(connection)
            raise
        if not won:
            await _discard(connection)
            # What has been ours is held by a session that Postgres does not yet know to be dead.
            self.number = self.number if self._had_number else self._random_number()
            return None
        self._absent.clear()
        self._trust_from = time.monotonic() + TRUST_AFTER_RECOVERY if self._had_number else 0.0
        self._had_number, self._connection = True, connection
        self.doorbell.set()
        return connection


async def _discard(connection: AsyncConnection) -> None:
    """The lock must not live on in the pool."""
    with suppress(Exception):
        await connection.invalidate()
    with suppress(Exception):
        await connection.close()
