"""The invariants see what is broken in the tables and queues of a running product."""

import asyncio
from collections.abc import AsyncIterator

import aio_pika
import pytest
import pytest_asyncio

from shared.messaging.topology import dead_queue
from tests.faults import broker
from tests.faults.collecting import collect, collect_tables
from tests.faults.database import admin
from tests.faults.invariants import violations
from tests.faults.running import Running, running

# Triggers refuse to change events, as they should; an administrator can silence them.
_SILENT = "SET session_replication_role = replica"
_FIRST_SAVED = "(SELECT event_id FROM files.events WHERE type = 'FileUploaded' LIMIT 1)"

BREAKS = {
    "nothing_is_claimed": "UPDATE checker.versions SET claimed_until = now() + interval '1 hour'",
    "each_mail_has_its_end": "UPDATE notifier.mails SET state = 'suppressed'",
    "each_check_has_one_mail": (
        "DELETE FROM notifier.mails WHERE mail_id = ("
        "SELECT mail_id FROM notifier.mails WHERE check_id IS NOT NULL LIMIT 1)"
    ),
    "sent_was_accepted": (
        'UPDATE notifier.events SET data = data || \'{"message_id": "<other@x>"}\''
        " WHERE type = 'EmailSent'"
    ),
    "read_tables_are_as_rebuilt": "UPDATE reports.files SET size = size + 1",
    "consumers_have_had_all": "DELETE FROM checker.inbox",
    "journal_has_each_event_once": f"DELETE FROM reports.journal WHERE event_id = {_FIRST_SAVED}",
    "nothing_is_set_aside": "INSERT INTO files.set_aside VALUES (1, 'a reason')",
    "each_version_has_one_result": "DELETE FROM checker.events",
    # By more than a stream has events: rows are changed one by one, and no two may be alike.
    "streams_have_no_holes": "UPDATE files.events SET version = version + 1000",
    "done_exists_once": "DELETE FROM files.events WHERE type = 'FileUploaded'",
}


@pytest_asyncio.fixture(scope="module")
async def lived(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A product that people have used, and that is at rest."""
    async with running(tmp_path_factory.mktemp("faults")) as product:
        async with product.busy():
            await asyncio.sleep(8)
        yield product


async def test_all_holds_and_every_break_is_seen(lived: Running) -> None:
    assert violations(await collect(lived)) == {}
    for name, sql in BREAKS.items():
        async with admin(lived.product) as connection:
            await connection.execute(_SILENT)
            await connection.execute(sql)
        found = violations(await collect_tables(lived))
        assert name in found, f"{name} did not see: {sql}"


async def test_a_dead_letter_is_seen(lived: Running) -> None:
    async with broker.connected(lived.product) as channel:
        letter = aio_pika.Message(b"?", message_id="unexpected")
        await channel.default_exchange.publish(letter, dead_queue("files"))
    found = violations(await collect_tables(lived))
    assert any("unexpected" in one for one in found["dead_letters_are_the_poison"])
