"""Databases of a test's own: five schemas, their owners and login roles, migrated."""

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import URL, make_url

from shared.contracts import PUBLISHED
from shared.migrations import upgrade

SCHEMAS = tuple(PUBLISHED)
PASSWORD = "test"


@dataclass(frozen=True)
class PrivateDatabase:
    """Where a database is, for each role."""

    admin_url: URL

    def url(self, role: str) -> str:
        """For `files` the login role of that service, for `files_owner` the owner of its schema."""
        as_role = self.admin_url.set(username=f"prereview_{role}", password=PASSWORD)
        return as_role.render_as_string(hide_password=False)

    async def admin(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await _connect(self.admin_url)


async def create_template(admin_url: str) -> PrivateDatabase:
    """A migrated database to copy; the copying takes a tenth of a second, the migrations two."""
    template = await create_empty(admin_url)
    await migrate(template)
    return template


async def create_empty(admin_url: str) -> PrivateDatabase:
    """A database with roles and schemas, without a table."""
    made = await _create(make_url(admin_url), "template1")
    connection = await made.admin()
    try:
        for schema in SCHEMAS:
            await connection.execute(_role(f"prereview_{schema}", schema))
            await connection.execute(_role(f"prereview_{schema}_owner", schema))
            await connection.execute(_SCHEMA.format(schema=schema))
    finally:
        await connection.close()
    return made


async def migrate(database: PrivateDatabase) -> None:
    for schema in SCHEMAS:
        await asyncio.to_thread(upgrade, schema, database.url(f"{schema}_owner"))


async def copy(template: PrivateDatabase) -> PrivateDatabase:
    assert template.admin_url.database is not None
    return await _create(template.admin_url, template.admin_url.database)


async def empty(database: PrivateDatabase) -> None:
    """Break its connections, take out every row, also a migration's, and restart every sequence."""
    connection = await database.admin()
    try:
        await connection.execute(_DISCONNECT)
        await connection.execute("SET session_replication_role = replica")  # no trigger objects
        tables = await connection.fetch(_TABLES, list(SCHEMAS))
        # Most are empty already, for which DELETE is much quicker than TRUNCATE.
        await connection.execute("; ".join(f"DELETE FROM {table['name']}" for table in tables))
        await connection.execute(_RESTART, list(SCHEMAS))
    finally:
        await connection.close()


async def drop(database: PrivateDatabase) -> None:
    connection = await _connect(database.admin_url.set(database="postgres"))
    try:
        name = database.admin_url.database
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


_SCHEMA = """
CREATE SCHEMA {schema} AUTHORIZATION prereview_{schema}_owner;
GRANT USAGE ON SCHEMA {schema} TO prereview_{schema};
ALTER DEFAULT PRIVILEGES FOR ROLE prereview_{schema}_owner IN SCHEMA {schema}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO prereview_{schema};
ALTER DEFAULT PRIVILEGES FOR ROLE prereview_{schema}_owner IN SCHEMA {schema}
    GRANT USAGE, SELECT ON SEQUENCES TO prereview_{schema};
"""

_DISCONNECT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_TABLES = """
SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
WHERE schemaname = ANY ($1) AND tablename <> 'alembic_version'
"""
# Also those that only a rolled back transaction has moved.
_RESTART = """
SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences
WHERE schemaname = ANY ($1) AND last_value IS NOT NULL
"""


def _role(name: str, schema: str) -> str:
    return f"""
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
            CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}';
        END IF;
        ALTER ROLE {name} SET search_path = {schema};
    END $$
    """


async def _create(near: URL, template: str) -> PrivateDatabase:
    name = f"prereview_test_{uuid4().hex[:12]}"
    connection = await _connect(near.set(database="postgres"))
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        for schema in SCHEMAS:
            if await connection.fetchval(
                "SELECT true FROM pg_roles WHERE rolname = $1", f"prereview_{schema}_owner"
            ):
                await connection.execute(
                    f'GRANT CREATE ON DATABASE "{name}" TO prereview_{schema}_owner'
                )
    finally:
        await connection.close()
    return PrivateDatabase(near.set(database=name))


async def _connect(url: URL) -> "asyncpg.Connection[asyncpg.Record]":
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return await asyncpg.connect(plain)
