"""Tables that this program can't bring to its version."""

import asyncio

import pytest
from sqlalchemy import text

from shared.contracts import PUBLISHED
from shared.db import Database
from shared.errors import Misconfigured
from shared.migrations import head, upgrade
from tests.support.databases import PrivateDatabase


@pytest.mark.parametrize("service", PUBLISHED)
async def test_tables_of_another_version_end_in_a_sentence(
    fresh_postgres: PrivateDatabase, service: str
) -> None:
    url = fresh_postgres.url(f"{service}_owner")
    await _set_version(url, "9042")
    try:
        with pytest.raises(Misconfigured, match=f"tables of {service} .* another version"):
            await asyncio.to_thread(upgrade, service, url)
    finally:
        await _set_version(url, head(service))


async def _set_version(url: str, version: str | None) -> None:
    owner = Database(url)
    async with owner.transaction() as connection:
        await connection.execute(
            text("UPDATE alembic_version SET version_num = :version"), {"version": version}
        )
    await owner.close()
