"""Alembic, once per schema: forward only."""

import asyncio
from functools import cache
from pathlib import Path

from alembic import command, context, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, make_url, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from shared.errors import Misconfigured

ROOT = Path(__file__).resolve().parent.parent


def config(service: str, url: str = "") -> Config:
    made = Config()
    made.set_main_option("script_location", str(ROOT / "services" / service / "migrations"))
    made.attributes["url"] = url
    made.attributes["schema"] = service
    return made


def upgrade(service: str, url: str) -> None:
    """Bring a service's schema to today's version, as the schema's owner (`postgresql://…`).

    Raises:
        Misconfigured: the schema is of a version this program knows nothing of.
    """
    try:
        command.upgrade(config(service, url), "head")
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


async def is_current(connection: AsyncConnection, service: str) -> bool:
    found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found == head(service)


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
    engine = create_async_engine(url, poolclass=pool.NullPool)
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
