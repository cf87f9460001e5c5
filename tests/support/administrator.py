"""What an administrator does to a database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.support.databases import PrivateDatabase

Sql = Callable[[str], Awaitable[None]]
"""`async (statement)`"""


@asynccontextmanager
async def administrator(database: PrivateDatabase, schema: str) -> AsyncIterator[Sql]:
    """Statements that no trigger stops; a function `refuse` of the schema is dropped at the end."""
    admin = await database.admin()
    await admin.execute("SET session_replication_role = replica")

    async def run(statement: str) -> None:
        await admin.execute(statement)

    yield run
    await admin.execute(f"DROP FUNCTION IF EXISTS {schema}.refuse CASCADE")
    await admin.close()
