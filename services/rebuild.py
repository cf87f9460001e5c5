"""Rebuild read tables while they serve: `python -m services.rebuild reports checks`.

Connects as the schema's owner, with `PREREVIEW_MIGRATION_DATABASE_URL`. An event that can't be read
ends it, and nothing is changed; with `--skip-unreadable` the tables are built without it.
"""

import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module

import uvloop

from services.files.storage.rebuild import queue_unwanted_contents
from shared.db import Database
from shared.eventsourcing.event import UnreadableRowError
from shared.eventsourcing.rebuild.rebuilder import rebuild

SKIP = "--skip-unreadable"
URL = "PREREVIEW_MIGRATION_DATABASE_URL"
INTERRUPTED = 130  # what a shell tells of a program that Ctrl-C ended


async def run(
    service: str, wanted: Sequence[str], url: str, *, skip_unreadable: bool = False
) -> None:
    module = import_module(f"services.{service}.projections")
    chosen = [one for one in module.PROJECTIONS if not wanted or one.name in wanted]
    if not chosen:
        return
    # Others may be rebuilding, and it takes hours where there is much.
    database = Database(url, lock_timeout=0, command_timeout=None)
    try:
        events = await rebuild(
            database,
            service,
            chosen,
            module.history,
            skip_unreadable=skip_unreadable,
            report=partial(_tell, service),
        )
        if service == "files":  # contents of skipped versions are not needed any more
            async with database.transaction() as connection:
                await queue_unwanted_contents(connection)
    finally:
        await database.close()
    for projection in chosen:
        sys.stdout.write(f"{service}.{projection.name}: rebuilt from {events} events\n")


def _tell(name: str, sentence: str) -> None:
    sys.stderr.write(f"{name}: {sentence}\n")


def main(arguments: list[str]) -> int:
    url = os.environ.get(URL)
    service, *wanted = [one for one in arguments if one != SKIP] or [""]
    if service not in {"files", "reports"} or not url:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        uvloop.run(run(service, wanted, url, skip_unreadable=SKIP in arguments))
    except KeyboardInterrupt:
        return INTERRUPTED
    except UnreadableRowError as error:
        sys.stderr.write(f"{error}; see {SKIP}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
