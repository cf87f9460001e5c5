"""The relay's next page of events, in awkward tables: `python -m benchmarks.relay_pages [rows]`.

First far behind events it does not publish, then among large ones. Compares the query without
bounds, as one would write it first. Brings a database of its own.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.local.servers import private_postgres
from shared.db import Database
from shared.eventsourcing.scans import scan
from shared.messaging.outbox.relay_limits import PAGE
from tests.support.databases import create_template

PRIVATE = ["OwnerErased"]
LARGE, BYTES = 100, 3_000_000

_UNBOUNDED = """
SELECT * FROM events WHERE position > :after AND type <> ALL(:private)
ORDER BY position LIMIT :limit
"""
_FILL = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
SELECT gen_random_uuid(), 's-' || gen_random_uuid(), 1, :type, 1,
       jsonb_build_object('text', repeat(md5(n::text), :bytes / 32)), '{}', now()
FROM generate_series(1, :count) AS n
"""


async def main(count: int, server: str) -> None:
    database = Database((await create_template(server)).url("files"), command_timeout=None)
    async with database.transaction() as connection:
        await _fill(connection, "OwnerErased", count, 32)
        await _fill(connection, "FileUploaded", LARGE, BYTES)
    sys.stdout.write(f"{count} events not published, then {LARGE} of {BYTES} bytes\n")
    async with database.transaction() as connection:
        await _unbounded(connection)
        steps = [step async for step in _steps(connection)]
    await database.close()
    for name, kind in (("not published", 0), ("large", 1)):
        times = [seconds for seconds, rows in steps if bool(rows) == bool(kind)]
        sys.stdout.write(
            f"bounded, {name}: {len(times)} steps, {sum(times):.2f} s in all,"
            f" {1000 * max(times):.0f} ms the longest\n"
        )


async def _fill(connection: AsyncConnection, name: str, count: int, size: int) -> None:
    values = {"type": name, "count": count, "bytes": size}
    await connection.execute(text(_FILL), values)


async def _unbounded(connection: AsyncConnection) -> None:
    began = time.monotonic()
    values = {"after": 0, "private": PRIVATE, "limit": PAGE}
    rows = (await connection.execute(text(_UNBOUNDED), values)).all()
    size = sum(len(row.data["text"]) for row in rows)
    seconds = time.monotonic() - began
    sys.stdout.write(f"unbounded: one step, {seconds:.2f} s, {size / 2**20:.0f} MiB at once\n")


async def _steps(connection: AsyncConnection) -> AsyncIterator[tuple[float, int]]:
    after = 0
    while True:
        began = time.monotonic()
        page = await scan(connection, PRIVATE, after, PAGE)
        if page.reached == after:
            return
        yield time.monotonic() - began, len(page.rows)
        after = page.reached


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, private_postgres(Path(folder)) as postgres:
        asyncio.run(main(int((sys.argv[1:] or ["1000000"])[0]), postgres.url))
