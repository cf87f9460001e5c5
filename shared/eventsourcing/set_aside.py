"""Events the relay could not publish and passed by: the table `set_aside`.

Each is tried again after `RETRY_AFTER`, then after as long again as it has been set aside, at last
every `RETRY_EVERY`: a broker that has just started may know its queues a moment later.

`python -m shared.eventsourcing.set_aside SERVICE list` shows them, `… SERVICE retry` has the relay
try them at once. Connects with `PREREVIEW_DATABASE_URL`, the service's or an administrator's.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import PUBLISHED
from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing.pages import Row, read_page

RETRY_AFTER = 1.0  # seconds
RETRY_EVERY = 30.0  # seconds
SHOWN = 1000  # events in a list
PATIENCE = 30.0  # seconds the command waits for the relay

_NOTE = """
INSERT INTO set_aside (position, reason)
SELECT * FROM unnest(CAST(:positions AS bigint[]), CAST(:reasons AS text[]))
ON CONFLICT (position) DO UPDATE SET reason = excluded.reason, tried_at = clock_timestamp()
"""
_DUE = """
SELECT position FROM set_aside
WHERE tried_at < :asked OR clock_timestamp() - tried_at
    >= least(greatest(tried_at - noted_at, make_interval(secs => :least)),
             make_interval(secs => :longest))
ORDER BY position LIMIT :limit
"""
_REASONS = "SELECT position, reason FROM set_aside WHERE position = ANY(:positions)"
_LIST = """
SELECT position, event_id, type, stream_id, reason, noted_at, tried_at
FROM set_aside JOIN events USING (position) ORDER BY position LIMIT :shown
"""
_UNTRIED = "SELECT count(*) FROM set_aside WHERE tried_at < :since"


class EventsSetAside(Unavailable):
    code = "events_set_aside"


def channel(schema: str) -> str:
    """Where a NOTIFY asks the relay to try again what was last tried before the time it names."""
    return f"set_aside_{schema}"


async def note(connection: AsyncConnection, reasons: Mapping[int, str]) -> None:
    """Set events aside, or note that another try has failed."""
    if reasons:
        values = {"positions": list(reasons), "reasons": list(reasons.values())}
        await connection.execute(text(_NOTE), values)


async def release(connection: AsyncConnection, positions: Sequence[int]) -> None:
    """Forget that these were set aside: they are published."""
    if positions:
        await connection.execute(
            text("DELETE FROM set_aside WHERE position = ANY(:positions)"),
            {"positions": list(positions)},
        )


async def read_due(
    connection: AsyncConnection, asked: datetime, limit: int
) -> tuple[Sequence[Row], dict[int, str]]:
    """The next events to be tried again, and why each is set aside.

    All that were tried before somebody `asked` for it are among them.
    """
    values = {"asked": asked, "least": RETRY_AFTER, "longest": RETRY_EVERY, "limit": limit}
    due = (await connection.scalars(text(_DUE), values)).all()
    if not due:
        return [], {}
    condition = "e.position = ANY(:due)"
    rows = await read_page(connection, "events", condition, {"due": due}, 0, limit)
    positions = [row.position for row in rows]
    found = await connection.execute(text(_REASONS), {"positions": positions})
    return rows, {row.position: row.reason for row in found}


async def any_there(connection: AsyncConnection) -> bool:
    return bool(await connection.scalar(text("SELECT EXISTS (SELECT FROM set_aside)")))


async def count(connection: AsyncConnection) -> int:
    return await connection.scalar(text("SELECT count(*) FROM set_aside")) or 0


async def run(url: str, service: str, action: str) -> int:
    """List the events, or have them tried and wait for that; how many are set aside after it."""
    database = Database(url)
    try:
        if action == "retry":
            await _retry(database, service)
        async with database.transaction() as connection:
            await _use(connection, service)
            if action == "list":
                await _print(connection)
            return await count(connection)
    finally:
        await database.close()


async def _retry(database: Database, service: str) -> None:
    async with database.transaction() as connection:
        since = await connection.scalar(text("SELECT clock_timestamp()"))
        asking = {"on": channel(service), "since": since.isoformat()}
        await connection.execute(text("SELECT pg_notify(:on, :since)"), asking)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        async with database.transaction() as connection:
            await _use(connection, service)
            if not await connection.scalar(text(_UNTRIED), {"since": since}):
                return
        await asyncio.sleep(0.2)
    sys.stderr.write("the relay has not tried all of them yet\n")


async def _print(connection: AsyncConnection) -> None:
    rows = await connection.execute(text(_LIST), {"shown": SHOWN})
    for row in rows.mappings():
        sys.stdout.write(json.dumps(dict(row), ensure_ascii=False, default=str) + "\n")


async def _use(connection: AsyncConnection, service: str) -> None:
    """An administrator's search path leads elsewhere."""
    await connection.execute(text(f"SET LOCAL search_path = {service}"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="set_aside", description=__doc__)
    parser.add_argument("service", choices=[name for name, events in PUBLISHED.items() if events])
    parser.add_argument("action", choices=["list", "retry"])
    chosen = parser.parse_args(arguments)
    url = os.environ.get("PREREVIEW_DATABASE_URL")
    if not url:
        parser.error("set PREREVIEW_DATABASE_URL to the address of the service's database")
    left = asyncio.run(run(url, chosen.service, chosen.action))
    sys.stderr.write(f"{left} events are set aside\n")
    return 0 if chosen.action == "list" or not left else 1


if __name__ == "__main__":
    sys.exit(main())
