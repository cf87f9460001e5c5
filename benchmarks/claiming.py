"""A claim of the checker beside many checked versions: `python -m benchmarks.claiming [checked]`.

Versions are due beside nothing, beside many checked ones (100,000), and as the later versions of
one file that has been checked a thousand times. Brings databases of its own, shows the plans.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from sqlalchemy import text

from deploy.local.servers import private_postgres
from services.checker.claims import claiming, due_files
from shared.clock import utc_now
from shared.db import Database
from tests.support.databases import create_template

ROUNDS, DUE, BATCH = 9, 999, 100
_FILES = """
INSERT INTO files (file_id, user_id, sequence, deleted)
SELECT CAST(md5(:name || f) AS uuid), CAST(md5('person' || f % 100) AS uuid), 1, false
FROM generate_series(1, :files) AS f
"""
_VERSIONS = """
INSERT INTO versions (file_id, version, user_id, name, sha256, size, changed_at, deleted, checked)
SELECT CAST(md5(:name || f) AS uuid), v, CAST(md5('person' || f % 100) AS uuid), 'main.py',
       md5(f::text || v) || md5(v::text), 1000, now() + v * interval '1 ms', false, v <= :checked
FROM generate_series(1, :files) AS f, generate_series(1, :versions) AS v
"""
_SITUATIONS = {
    "999 files due": [("due", DUE, 1, 0)],
    "beside many checked versions": [("due", DUE, 1, 0), ("old", 0, 10, 10)],
    "one file, 1,000 checked and 999 due": [("one", 1, 1999, 1000)],
}


async def main(checked: int, server: str) -> None:
    """Rounds take turns, so that all see the same machine."""
    databases = {name: await _filled(server, parts, checked) for name, parts in _SITUATIONS.items()}
    times: dict[str, list[float]] = {name: [] for name in databases}
    for _ in range(ROUNDS):
        for name, database in databases.items():
            times[name].append(await _claim(database))
    empty = median(next(iter(times.values())))
    for name, found in times.items():
        print(f"{name}: {1000 * median(found):.1f} ms a claim, ratio {median(found) / empty:.2f}")
    for name, database in databases.items():
        print(f"\n{name}:\n{await _plan(database)}")
        await database.close()


async def _filled(server: str, parts: list[tuple[str, int, int, int]], checked: int) -> Database:
    database = Database((await create_template(server)).url("checker"), command_timeout=None)
    async with database.transaction() as connection:
        for name, files, versions, done in parts:
            values = {"name": name, "files": files or checked // versions}
            await connection.execute(text(_FILES), values)
            values |= {"versions": versions, "checked": done}
            await connection.execute(text(_VERSIONS), values)
    return database


async def _claim(database: Database) -> float:
    """Seconds; what was claimed is given back."""
    async with database.transaction() as connection:
        began = time.perf_counter()
        files = await claiming.claim(connection, 1, BATCH, utc_now(), tool="ruff")
        seconds = time.perf_counter() - began
        await due_files.release(connection, files)
    return seconds


async def _plan(database: Database) -> str:
    now = utc_now()
    values = {
        "copy": 1,
        "limit": BATCH,
        "max_bytes": claiming.MAX_CLAIM_BYTES,
        "assumed_size": due_files.ASSUMED_SIZE,
        "now": now,
        "until": now + claiming.LEASE,
        "deaths_before_quarantine": claiming.DEATHS_BEFORE_QUARANTINE,
        "large_bytes": claiming.LARGE_BYTES,
        "queue": "quick",
        "tool": "ruff",
        "heavy_users": [],
        "users_by_usage": [],
    }
    explain = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) "
    async with database.transaction() as connection:
        rows = await connection.execute(text(explain + claiming.CLAIM.text), values)
    return "\n".join(row[0] for row in rows)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, private_postgres(Path(folder)) as postgres:
        asyncio.run(main(int((sys.argv[1:] or ["100000"])[0]), postgres.url))
