"""What can't come again is forgotten, and forgetting costs what is forgotten."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from shared.messaging import inbox
from tests.integration.conftest import Pools
from tests.support.rows_read import rows_read

KEPT, OLD = 20_000, 30
FRESH, AGED = timedelta(days=1), timedelta(days=31)

_FILL = """
INSERT INTO inbox (consumer, event_id, digest, received_at)
SELECT consumer, gen_random_uuid(), '', now() - CAST(:age AS interval)
FROM generate_series(1, :count), unnest(CAST(:consumers AS text[])) AS consumer
"""


@pytest.mark.parametrize("service", ["files", "checker", "notifier", "reports"])
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_a_round_reads_what_it_deletes(pools: Pools, service: str, mode: str) -> None:
    async with pools(service).transaction() as connection:
        ours, others = [service, f"{service}.dead-lettered"], ["somebody else"]
        for age, count, whose in ((FRESH, KEPT, ours), (AGED, OLD, ours + others)):
            values = {"age": age, "count": count, "consumers": whose}
            await connection.execute(text(_FILL), values)
    async with pools(f"{service}_owner").transaction() as connection:
        await connection.execute(text("ANALYZE inbox"))
    async with pools(service).transaction() as connection:
        await connection.execute(text(f"SET LOCAL plan_cache_mode = {mode}"))
        before = await rows_read(connection)
        assert await inbox.prune(connection, service) == 2 * OLD
        assert await rows_read(connection) - before <= 5 * OLD
        assert await inbox.prune(connection, service) == 0


async def test_a_round_is_bounded(pools: Pools) -> None:
    async with pools("files").transaction() as connection:
        await connection.execute(text(_FILL), {"age": AGED, "count": 50, "consumers": ["files"]})
        assert [await inbox.prune(connection, "files", limit=20) for _ in range(4)] == [
            20,
            20,
            10,
            0,
        ]
