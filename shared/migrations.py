"""Alembic, once per schema: forward only, one line of versions, each compatible with the last one.

Copies of the version before run beside a migrated schema: see
docs/decisions/0030-expand-and-contract.md.
"""

import asyncio
from functools import cache
from pathlib import Path

from alembic import command, context, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from asyncpg.exceptions import LockNotAvailableError
from sqlalchemy import Connection, make_url, pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from shared.errors import Misconfigured

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 5.0  # seconds that a migration waits for a lock: everybody else waits behind it


def config(service: str, url: str = "", patience: float = PATIENCE) -> Config:
    made = Config()
    made.set_main_option("script_location", str(ROOT / "services" / service / "migrations"))
    made.attributes["url"] = url
    made.attributes["schema"] = service
    made.attributes["patience"] = patience
    return made


def upgrade(service: str, url: str, patience: float = PATIENCE) -> None:
    """Bring a service's schema to today's version, as the schema's owner (`postgresql://…`).

    Waits at most `patience` seconds for each lock, in one transaction.

    Raises:
        Misconfigured: the schema is of a version this program knows nothing of, or in use.
    """
    try:
        command.upgrade(config(service, url, patience), "head")
    except DBAPIError as error:
        if error.orig is None or not isinstance(error.orig.__cause__, LockNotAvailableError):
            raise
        raise Misconfigured(
            f"The tables of {service} are in use by a transaction that does not end, such as a "
            "dump's: wait for its end and start this again."
        ) from None
    except CommandError as error:
        if not isinstance(error.__cause__, ResolutionError):
            raise
        raise Misconfigured(
            f"The tables of {service} were made by another version of Prereview: "
            "run that one or a newer one, or take another database or data folder."
        ) from None


@cache
def head(service: str) -> str | None:
    """The version the code expects."""
    return ScriptDirectory.from_config(config(service)).get_current_head()


async def has_its_tables(connection: AsyncConnection, service: str) -> bool:
    """Whether the schema is of the version the code expects, or ahead of it.

    It is ahead while a newer release takes over. Versions are numbers of four digits.
    """
    found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found is not None and found >= (head(service) or "")


def execute(*scripts: str) -> None:
    """Run SQL in a migration, statement by statement, as asyncpg wants it.

    Each statement ends with `;` at the end of a line. A function is a script of its own.
    """
    for script in scripts:
        statements = [script] if "$$" in script else script.split(";\n")
        for statement in statements:
            if statement.strip():
                op.execute(statement)


def run() -> None:
    """What each `migrations/env.py` does."""
    asyncio.run(_run())


async def _run() -> None:
    url = make_url(context.config.attributes["url"]).set(drivername="postgresql+asyncpg")
    locks = {"lock_timeout": f"{1000 * context.config.attributes['patience']:.0f}"}
    engine = create_async_engine(
        url, poolclass=pool.NullPool, connect_args={"server_settings": locks}
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


def _migrate(connection: Connection) -> None:
    schema = context.config.attributes["schema"]
    context.configure(connection=connection, version_table_schema=schema)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
