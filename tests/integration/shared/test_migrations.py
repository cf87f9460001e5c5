"""Tables come from nothing, and those that this program can't bring to its version stay."""

import asyncio

import pytest

from shared.contracts import PUBLISHED
from shared.errors import Misconfigured
from shared.migrations import head, upgrade
from tests.support.databases import PrivateDatabase, create_empty, drop

OLD = "0011"  # once a version; its tables were made before there was one first migration
UNHEARD_OF = "9042"


async def test_an_empty_database_is_brought_to_todays_version(postgres_url: str) -> None:
    database = await create_empty(postgres_url)
    try:
        for service in PUBLISHED:
            for _ in range(2):  # again, there is nothing to do
                await asyncio.to_thread(upgrade, service, database.url(f"{service}_owner"))
                assert await _version(database, service) == head(service)
    finally:
        await drop(database)


@pytest.mark.parametrize("version", [OLD, UNHEARD_OF])
@pytest.mark.parametrize("service", PUBLISHED)
async def test_tables_of_another_version_end_in_a_sentence(
    fresh_postgres: PrivateDatabase, service: str, version: str
) -> None:
    url = fresh_postgres.url(f"{service}_owner")
    await _set_version(fresh_postgres, service, version)
    try:
        with pytest.raises(Misconfigured, match=f"tables of {service} .* another version"):
            await asyncio.to_thread(upgrade, service, url)
        assert await _version(fresh_postgres, service) == version
    finally:
        await _set_version(fresh_postgres, service, head(service))


async def test_a_migration_does_not_keep_others_waiting_behind_it(
    fresh_postgres: PrivateDatabase,
) -> None:
    admin = await fresh_postgres.admin()
    try:
        async with admin.transaction():
            await admin.execute("LOCK TABLE files.alembic_version")
            with pytest.raises(Misconfigured, match="tables of files are in use"):
                await asyncio.to_thread(upgrade, "files", fresh_postgres.url("files_owner"), 0.1)
    finally:
        await admin.close()


async def _version(database: PrivateDatabase, service: str) -> object:
    admin = await database.admin()
    try:
        return await admin.fetchval(f"SELECT version_num FROM {service}.alembic_version")
    finally:
        await admin.close()


async def _set_version(database: PrivateDatabase, service: str, version: str | None) -> None:
    admin = await database.admin()
    try:
        await admin.execute(f"UPDATE {service}.alembic_version SET version_num = $1", version)
    finally:
        await admin.close()
