"""Creates database, schemas and roles through an administrator's URL; repeatable."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit

import asyncpg

SERVICES = ("auth", "files", "checker", "notifier", "reports")
DATABASE = "prereview"
ROLES = tuple(
    role for service in SERVICES for role in (f"prereview_{service}", f"prereview_{service}_owner")
)

# A new database lets everybody in, and lets them create temporary tables.
_CLOSED = "REVOKE ALL ON DATABASE {database} FROM PUBLIC"

# The owner may create schemas: a rebuild creates its shadow tables in one of its own. A program
# that was stopped in the middle of a transaction must not keep its locks from the others for ever;
# its own statements end after 30 s (`shared.db.database.COMMAND_TIMEOUT`).
_OF_SERVICE = """
GRANT CONNECT, CREATE ON DATABASE {database} TO {owner};
GRANT CONNECT ON DATABASE {database} TO {login};
GRANT {owner} TO CURRENT_USER;
CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};
GRANT USAGE ON SCHEMA {schema} TO {login};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {login};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}
    GRANT USAGE, SELECT ON SEQUENCES TO {login};
ALTER ROLE {owner} IN DATABASE {database} SET search_path = {schema};
ALTER ROLE {login} IN DATABASE {database} SET search_path = {schema};
ALTER ROLE {login} IN DATABASE {database} SET statement_timeout = '60s';
ALTER ROLE {login} IN DATABASE {database} SET idle_in_transaction_session_timeout = '60s';
"""


async def provision(
    admin_url: str,
    passwords: Mapping[str, str],
    database: str = DATABASE,
    *,
    whole_server: bool = False,
) -> None:
    """Make the database and, per service, a schema, the role that owns it and the one that uses it.

    `admin_url` (`postgresql://…`, any database of the server) needs the rights to create databases
    and roles. `passwords` has one for each of `ROLES`; they are set anew each time. With
    `whole_server` the server is nobody else's, and its other databases are closed to the roles too.
    """
    async with _connected(admin_url) as admin:
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            await admin.execute(
                f"CREATE DATABASE {_name(database)} TEMPLATE template0 ENCODING 'UTF8'"
            )
    async with _connected(with_database(admin_url, database)) as admin, admin.transaction():
        # Two at a time would trip over each other's catalogue rows.
        await admin.execute("SELECT pg_advisory_xact_lock(hashtextextended('provision', 0))")
        for role in ROLES:
            await _create_role(admin, role, passwords[role])
        names = [row["datname"] for row in await admin.fetch("SELECT datname FROM pg_database")]
        for name in names if whole_server else [database]:
            await admin.execute(_CLOSED.format(database=_name(name)))
        await admin.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        for service in SERVICES:
            roles = {"login": f"prereview_{service}", "owner": f"prereview_{service}_owner"}
            await admin.execute(
                _OF_SERVICE.format(schema=service, database=_name(database), **roles)
            )


def role_url(admin_url: str, role: str, password: str, database: str = DATABASE) -> str:
    """The URL with which a role reaches the database on the administrator's server."""
    parts = urlsplit(with_database(admin_url, database))
    address = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:{quote(password, safe='')}@{address}").geturl()


def with_database(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{quote(database, safe='')}").geturl()


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, timeout=15, command_timeout=60)
    try:
        yield connection
    finally:
        await connection.close()


async def _create_role(admin: asyncpg.Connection, role: str, password: str) -> None:
    exists = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if exists else "CREATE"
    statement = await admin.fetchval(
        f"SELECT format('{verb} ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)",
        role,
        password,
    )
    await admin.execute(statement)


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
