"""Rebuild read tables while they serve: `python -m services.rebuild reports checks`.

Connects as the schema's owner, with `PREREVIEW_MIGRATION_DATABASE_URL`.
"""

import asyncio
import os
import sys
from importlib import import_module

from shared.db import Database
from shared.eventsourcing.projection import rebuild


async def run(service: str, wanted: list[str], url: str) -> None:
    module = import_module(f"services.{service}.projections")
    database = Database(url, lock_timeout=0)  # others may be rebuilding
    try:
        for projection in module.PROJECTIONS:
            if not wanted or projection.name in wanted:
                events = await rebuild(database, service, projection, module.history)
                sys.stdout.write(f"{service}.{projection.name}: rebuilt from {events} events\n")
    finally:
        await database.close()


def main(arguments: list[str]) -> int:
    url = os.environ.get("PREREVIEW_MIGRATION_DATABASE_URL")
    if not arguments or arguments[0] not in {"files", "reports"} or not url:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    asyncio.run(run(arguments[0], arguments[1:], url))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
