"""Waits until nothing is under way any more, and says what still is when that takes too long."""

import asyncio
import time
from contextlib import suppress

import aio_pika
import asyncpg

from shared.contracts import CONSUMED, PUBLISHED
from tests.faults import broker
from tests.faults.database import Connection, admin
from tests.faults.running import Running
from tests.faults.snapshot import PRODUCERS

LONGEST = 200.0  # seconds

# A mail that failed is tried again after 1, 5, 15 … minutes. Here that time has come now.
_HASTEN = """
UPDATE notifier.mails SET due_at = now()
WHERE due_at > now() AND (state = 'queued' OR state = 'sending' AND claimed_by IS NULL)
"""
_BEHIND = """
SELECT count(*) FROM {0}.events WHERE type = ANY($1) AND position > coalesce(
    (SELECT position FROM {0}.checkpoints WHERE name = 'relay'), 0)
"""
_NOT_HAD = """
SELECT count(*) FROM {producer}.events AS e WHERE type = ANY($1)
AND NOT EXISTS (SELECT FROM {consumer}.inbox AS i WHERE i.event_id = e.event_id)
"""
_COUNTS = {
    "versions to check": "SELECT count(*) FROM checker.versions WHERE NOT checked AND NOT deleted",
    "mails to send": "SELECT count(*) FROM notifier.mails WHERE state IN ('queued', 'sending')",
}


async def rest(running: Running, longest: float = LONGEST) -> tuple[float, str]:
    """The seconds it took, and what is still under way after the longest time (empty: nothing)."""
    begun = time.monotonic()
    calm = 0
    under_way = "nothing could be asked"
    while time.monotonic() - begun < longest:
        with suppress(OSError, asyncpg.PostgresError, aio_pika.exceptions.AMQPError, TimeoutError):
            under_way = await _under_way(running)
            calm = 0 if under_way else calm + 1
            if calm == 3:
                return time.monotonic() - begun, ""
        await asyncio.sleep(0.5)
    return time.monotonic() - begun, under_way


async def _under_way(running: Running) -> str:
    async with admin(running.product) as connection, broker.connected(running.product) as channel:
        await connection.execute(_HASTEN)
        found = {
            f"events {producer} has not published": await _behind(connection, producer)
            for producer in PRODUCERS
        }
        for producer in PRODUCERS:  # what no queue took is tried again from time to time
            aside = await connection.fetchval(f"SELECT count(*) FROM {producer}.set_aside")
            found[f"events {producer} has set aside"] = aside
        for consumer in CONSUMED:
            found[f"events {consumer} has not had"] = await _not_had(connection, consumer)
        for what, sql in _COUNTS.items():
            found[what] = await connection.fetchval(sql)
        for queue, messages in (await broker.waiting(channel)).items():
            found[f"messages for {queue}"] = messages
    return ", ".join(f"{count} {what}" for what, count in found.items() if count)


async def _behind(connection: "Connection", producer: str) -> int:
    names = [event.type_name() for event in PUBLISHED[producer]]
    return int(await connection.fetchval(_BEHIND.format(producer), names))


async def _not_had(connection: "Connection", consumer: str) -> int:
    count = 0
    for producer, published in PUBLISHED.items():
        names = [event.type_name() for event in CONSUMED[consumer] if event in published]
        sql = _NOT_HAD.format(producer=producer, consumer=consumer)
        count += int(await connection.fetchval(sql, names)) if names else 0
    return count
