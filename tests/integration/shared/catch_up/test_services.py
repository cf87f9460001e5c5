"""The services as they run: reports gets what the broker has lost from files."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from aio_pika.abc import AbstractChannel
from sqlalchemy import text

from shared import service
from shared.contracts import CONSUMED
from shared.db import Database
from shared.messaging.topology import EVENTS
from tests.integration.conftest import Pools
from tests.integration.shared.test_readiness import make
from tests.integration.shared.test_readiness import running as running_app
from tests.support.broker import Broker
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys
from tests.support.product import free_port
from tests.support.running import running_copy
from tests.support.stored_rows import store_row
from tests.support.waiting import eventually

START = 60  # seconds that a copy may take on a busy machine


async def _journal(database: Database, event_id: UUID) -> int:
    async with database.transaction() as connection:
        query = "SELECT count(*) FROM journal WHERE event_id = :event_id"
        return await connection.scalar(text(query), {"event_id": event_id}) or 0


async def _store(files: Database) -> UUID:
    event_id = await store_row(files, recorded_at=datetime.now(UTC))
    async with files.transaction() as connection:
        await connection.execute(text("SELECT pg_notify('events_files', '')"))
    return event_id


async def _delete_queues(channel: AbstractChannel) -> None:
    for consumer in CONSUMED:
        await channel.queue_delete(consumer)


async def test_what_a_deleted_binding_loses_reaches_reports(
    broker: Broker,
    pools: Pools,
    postgres: PrivateDatabase,
    keys: Keys,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "INTERVAL", 3.0)
    monkeypatch.setattr(service, "DELIVERY_TIME", 1.0)
    await _delete_queues(broker.channel)
    await broker.listener("files.*")
    port, reports, files = free_port(), pools("reports"), pools("files")
    urls = {"database_url": postgres.url("reports"), "amqp_url": broker.url}
    app = make("reports", keys, **urls, files_url=f"http://127.0.0.1:{port}")
    variables = {"AMQP_URL": broker.url, "PORT": str(port)}
    log = tmp_path / "files.log"
    with running_copy("files", keys, postgres.url("files"), log, **variables):
        async with running_app(app) as client:
            first = await _store(files)
            await eventually(lambda: _journal(reports, first), START)
            await eventually(lambda: _has_checkpoint(reports), START)
            lost: list[UUID] = []
            while not lost or await _journal(reports, lost[-1]):  # bound again just before that
                queue = await broker.channel.get_queue("reports", ensure=False)
                await queue.unbind(EVENTS, "files.FileUploaded")
                lost.append(await _store(files))
                await asyncio.sleep(1)
            await eventually(lambda: _journal(reports, lost[-1]), START)
            assert await _journal(reports, lost[-1]) == 1
            figures = (await client.get("/metrics")).text.splitlines()
            assert "prereview_events_missed 1.0" in figures
    await _delete_queues(broker.channel)


async def _has_checkpoint(database: Database) -> bool:
    async with database.transaction() as connection:
        query = "SELECT count(*) FROM checkpoints WHERE name = 'caught-up/files'"
        return bool(await connection.scalar(text(query)))
