"""Which statements of the services read a whole table.

`python -m benchmarks.plans [people [files]]` fills a database of its own (`benchmarks.filling`),
asks Postgres for the plan of each statement in the code, and prints those that read all of a table
with more than `LARGE` rows, or all of an index of it.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import asyncpg

from benchmarks.filling import Size, fill
from deploy.local.servers import private_postgres
from tests.support.databases import create_template
from tests.support.statements import statements, whole_reads

LARGE = 5000  # rows
_LARGE = """
SELECT relnamespace::regnamespace || '.' || relname FROM pg_class
WHERE relkind = 'r' AND reltuples > $1
"""


async def main(size: Size, server: str) -> None:
    database = await create_template(server)
    connection = await database.admin()
    await fill(connection, size)
    await report(connection)
    await connection.close()


async def report(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    large = {row[0] for row in await connection.fetch(_LARGE, LARGE)}
    found = sorted(one for one in statements() if not one.is_part)
    reads = [await whole_reads(connection, one) for one in found]
    for read in sorted({one for some in reads for one in some or () if one.table in large}):
        print(f"{read.place}: {read.table} {read.by}")
    looked = sum(some is not None for some in reads)
    print(f"{looked} statements looked at, {len(reads) - looked} are none by themselves")
    print(f"{len(large)} tables have more than {LARGE} rows")


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    people, files = [*given, *(300, 50)[len(given) :]]
    with tempfile.TemporaryDirectory() as folder, private_postgres(Path(folder)) as running:
        asyncio.run(main(Size(people, files), running.url))
