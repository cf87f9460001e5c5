"""Databases of a test's own: five schemas, their owners and login roles, migrated."""

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import URL, make_url

from deploy.postgres.provision import ROLES, provision
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
    return await _create(make_url(admin_url), "template0")


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


async def _create(near: URL, template: str) -> PrivateDatabase:
    """A copy of a database, with the rights of production: those are not copied."""
    name = f"prereview_test_{uuid4().hex[:12]}"
    connection = await _connect(near.set(database="postgres"))
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    finally:
        await connection.close()
    admin_url = near.set(drivername="postgresql").render_as_string(hide_password=False)
    await provision(admin_url, dict.fromkeys(ROLES, PASSWORD), name)
    return PrivateDatabase(near.set(database=name))


async def _connect(url: URL) -> "asyncpg.Connection[asyncpg.Record]":
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return await asyncpg.connect(plain)
