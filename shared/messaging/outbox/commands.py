"""Looks after events set aside: `python -m shared.messaging.outbox SERVICE list|retry`.

`list` shows them, `retry` has the relay try them at once. Connects with `PREREVIEW_DATABASE_URL`,
the service's or an administrator's.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import PUBLISHED
from shared.db import Database
from shared.messaging.outbox import set_aside

RETRY_TIMEOUT = 30.0  # seconds that `retry` waits for the relay


async def run(url: str, service: str, action: str, timeout: float = RETRY_TIMEOUT) -> int:  # noqa: ASYNC109
    """List the events, or have them tried and wait for that; how many are set aside after it."""
    database = Database(url)
    try:
        if action == "retry":
            await _retry(database, service, timeout)
        async with database.transaction() as connection:
            await _use_schema(connection, service)
            if action == "list":
                await _print(connection)
            return await set_aside.count(connection)
    finally:
        await database.close()


async def _retry(database: Database, service: str, timeout: float) -> None:  # noqa: ASYNC109
    async with database.transaction() as connection:
        since = await set_aside.request_retry(connection, service)
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        async with database.transaction() as connection:
            await _use_schema(connection, service)
            if not await set_aside.is_any_untried(connection, since):
                return
        await asyncio.sleep(0.2)
    sys.stderr.write("the relay has not tried all of them yet\n")


async def _print(connection: AsyncConnection) -> None:
    for event in await set_aside.list_events(connection):
        sys.stdout.write(json.dumps(event, ensure_ascii=False, default=str) + "\n")


async def _use_schema(connection: AsyncConnection, service: str) -> None:
    """An administrator's search path leads elsewhere."""
    await connection.execute(text(f"SET LOCAL search_path = {service}"))


def main(arguments: Sequence[str] | None = None, *, retry_timeout: float = RETRY_TIMEOUT) -> int:
    parser = argparse.ArgumentParser(prog="outbox", description=__doc__)
    parser.add_argument("service", choices=[name for name, events in PUBLISHED.items() if events])
    parser.add_argument("action", choices=["list", "retry"])
    chosen = parser.parse_args(arguments)
    url = os.environ.get("PREREVIEW_DATABASE_URL")
    if not url:
        parser.error("set PREREVIEW_DATABASE_URL to the URL of the service's database")
    left = asyncio.run(run(url, chosen.service, chosen.action, retry_timeout))
    sys.stderr.write(f"{left} events are set aside\n")
    return 0 if chosen.action == "list" or not left else 1
