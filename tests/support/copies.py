"""Copies of a service as others see them."""

from sqlalchemy import text

from shared.coordination.copies import Copy
from shared.db import Database
from tests.support.databases import PrivateDatabase
from tests.support.waiting import eventually

_LOCKS = "pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted"
START = 90  # seconds that the start of a copy may take on a busy machine


class PresentCopy(Copy):
    """Claims at once and never looks for dead ones, unless a test makes it step."""

    is_present = True


def present_copy(database: Database) -> Copy:
    async def nothing(*_: object) -> int:
        return 0

    return PresentCopy(database, "nothing", nothing)


async def wait_for_copies(database: Database, number: int) -> None:
    async def there() -> bool:
        async with database.transaction() as connection:
            return bool(await connection.scalar(text(f"SELECT count(*) FROM {_LOCKS}")) == number)

    await eventually(there, START)


async def end_sessions(postgres: PrivateDatabase, *, of: str | None = None) -> None:
    """Those of all copies, or `of` those that a table names in `claimed_by`.

    Postgres does so to a copy that was silent for half a minute.
    """
    which = f" AND objid::int IN (SELECT claimed_by FROM {of})" if of else ""
    admin = await postgres.admin()
    try:
        await admin.execute(f"SELECT pg_terminate_backend(pid) FROM {_LOCKS}{which}")
    finally:
        await admin.close()
