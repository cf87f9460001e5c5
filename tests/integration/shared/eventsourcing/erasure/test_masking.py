"""What is written in the event table stays written."""

import json
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.files.domain.file import EVENTS, stream
from shared.db import Database
from shared.eventsourcing.erasure.erased_users import marking_erased
from shared.eventsourcing.erasure.masking import masking
from shared.eventsourcing.erasure.steps import run_steps_in
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.store import EventStore
from tests.integration.conftest import Pools
from tests.support.events import BOB, replaced, uploaded

STORE = EventStore(EventTypes(EVENTS))
CRIMES = [
    "UPDATE events SET data = '{}'",
    "UPDATE events SET recorded_at = now()",
    "UPDATE events SET version = version + 100",
    "DELETE FROM events",
    "TRUNCATE events",
    "TRUNCATE events CASCADE",
]


@pytest_asyncio.fixture
async def person(pools: Pools) -> UUID:
    """A person with a file of two versions; Bob has one as well."""
    user_id, file_id, other = uuid4(), uuid4(), uuid4()
    mine = [uploaded(file_id, user_id, "diary.py"), replaced(file_id, 2, user_id, "diary2.py")]
    async with pools("files").transaction() as connection:
        await STORE.append(connection, stream(file_id), 0, mine)
        await STORE.append(connection, stream(other), 0, [uploaded(other, BOB, "bob.py")])
    return user_id


async def _all(database: Database) -> list[RecordedEvent]:
    async with database.transaction() as connection:
        return [recorded async for page in STORE.read_pages(connection) for recorded in page]


@pytest.mark.parametrize("role", ["files", "files_owner"])
@pytest.mark.parametrize("crime", CRIMES)
async def test_neither_the_service_nor_the_owner_rewrites_history(
    pools: Pools, person: UUID, role: str, crime: str
) -> None:
    before = await _all(pools("files"))
    with pytest.raises(DBAPIError, match=r"events are immutable|permission denied"):
        async with pools(role).transaction() as connection:
            await connection.execute(text(crime))
    assert await _all(pools("files")) == before


async def test_the_masking_switch_alone_lets_nobody_change_what_happened(
    pools: Pools, person: UUID
) -> None:
    """The owner can turn masking on by hand; then data may be blanked, and nothing else."""
    with pytest.raises(DBAPIError, match="events are immutable"):
        await _with_masking_on(pools("files_owner"), "UPDATE events SET type = 'FileDeleted'")
    with pytest.raises(DBAPIError, match="permission denied"):
        await _with_masking_on(pools("files"), "UPDATE events SET data = '{}'")


async def _with_masking_on(database: Database, statement: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("SET LOCAL prereview.masking = 'on'"))
        await connection.execute(text(statement))


async def test_erasing_a_person_blanks_their_names_and_is_written_down(
    pools: Pools, person: UUID
) -> None:
    before = await _all(pools("files"))
    async with pools("files").transaction() as connection:
        await run_steps_in(connection, [marking_erased(person), masking(STORE.types, person)])
    for old, new in zip(before, await _all(pools("files")), strict=True):
        if old.metadata.user_id == person:
            assert new.event == old.event.model_copy(update={"name": ""})
        else:
            assert new == old
    async with pools("files").transaction() as connection:
        audit = await connection.execute(
            text("SELECT events FROM maskings WHERE user_id = :person"), {"person": person}
        )
        assert [row.events for row in audit] == [2]


@pytest.mark.parametrize("value", ["x", 1, {"name": "x"}, ["x"], True])
async def test_masking_puts_nothing_in_the_place_of_what_it_takes(
    pools: Pools, person: UUID, value: object
) -> None:
    blanks = json.dumps({"FileUploaded": {"sha256": value}})
    before = await _all(pools("files"))
    with pytest.raises(DBAPIError, match="masking may only blank"):
        async with pools("files").transaction() as connection:
            await connection.execute(
                text("SELECT mask_personal_fields(:person, CAST(:blanks AS jsonb), 0, 100)"),
                {"person": person, "blanks": blanks},
            )
    assert await _all(pools("files")) == before


@pytest.mark.parametrize("crime", ["DELETE FROM maskings", "UPDATE maskings SET events = 0"])
async def test_the_audit_of_maskings_is_not_for_the_service_to_change(
    pools: Pools, crime: str
) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with pools("files").transaction() as connection:
            await connection.execute(text(crime))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM auth.users",
        "SELECT * FROM auth.events",
        "INSERT INTO reports.checkpoints VALUES ('x', 1)",
        "DELETE FROM checker.files",
        "CREATE TABLE files.mine (id int)",
        "CREATE SCHEMA mine",
        "SET ROLE prereview_files_owner",
        "SELECT auth.mask_personal_fields(gen_random_uuid(), '{}', 0, 100)",
    ],
)
async def test_a_service_stays_in_its_own_schema(pools: Pools, statement: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with pools("files").transaction() as connection:
            await connection.execute(text(statement))
