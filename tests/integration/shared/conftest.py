"""A reaction whose effects can be counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.local.rabbitmq import RabbitMQ
from deploy.local.servers import private_rabbitmq
from deploy.rabbitmq.definitions import USERS
from shared.db import Database
from shared.eventsourcing.event import RecordedEvent
from tests.integration.conftest import Pools


@dataclass
class Effects:
    """A table that gets a row each time an event has its effect."""

    database: Database

    async def note(self, connection: AsyncConnection, recorded: RecordedEvent) -> None:
        await connection.execute(
            text("INSERT INTO effects VALUES (:event_id)"), {"event_id": recorded.event_id}
        )

    async def of(self, *event_ids: UUID) -> list[int]:
        """How often each of the events had its effect."""
        async with self.database.transaction() as connection:
            rows = await connection.execute(
                text("SELECT event_id, count(*) AS times FROM effects GROUP BY event_id")
            )
            times = {row.event_id: int(row.times) for row in rows}
        return [times.get(event_id, 0) for event_id in event_ids]


@pytest_asyncio.fixture
async def effects(pools: Pools) -> Effects:
    async with pools("reports_owner").transaction() as connection:
        await connection.execute(text("CREATE TABLE IF NOT EXISTS effects (event_id uuid)"))
    return Effects(pools("reports"))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker of the module's own, to be hindered."""
    passwords = dict.fromkeys(USERS, "test")
    with private_rabbitmq(tmp_path_factory.mktemp("node"), passwords) as server:
        yield server
