"""While an event is set aside, the relay looks at it now and then, and at no other one."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from shared.messaging.outbox import set_aside
from tests.integration.conftest import Pools
from tests.support.rows_read import rows_read

_EVENTS = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
SELECT gen_random_uuid(), 's-' || gen_random_uuid(), 1, 'FileDeleted', 1, '{}', '{}', now()
FROM generate_series(1, 5000) RETURNING position
"""
DAY = timedelta(days=1)


async def test_a_look_reads_what_is_due(pools: Pools) -> None:
    async with pools("files").transaction() as connection:
        positions = list((await connection.execute(text(_EVENTS))).scalars())
        await set_aside.note(connection, {positions[2000]: "first", positions[4000]: "second"})
    async with pools("files").transaction() as connection:
        now = datetime.now(UTC)
        for asked, due in ((now - DAY, []), (now + DAY, [positions[2000], positions[4000]])):
            before = await rows_read(connection)
            rows, reasons = await set_aside.read_due(connection, asked, 200)
            assert await rows_read(connection) - before <= 50
            assert [row.position for row in rows] == sorted(reasons) == due
