"""An administrator's connection to the database of a running product."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from deploy.local.credentials import open_credentials
from deploy.local.ports import chosen_ports
from deploy.local.postgres import Postgres
from deploy.postgres.provision import DATABASE, role_url, with_database
from tests.support.product import Product

Row = dict[str, Any]
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def admin_url(product: Product, database: str = DATABASE) -> str:
    data = product.folder / "data"
    port = chosen_ports(data / "ports.json")["postgres"]
    return with_database(Postgres(data / "postgres", port).url, database)


def owner_url(product: Product, service: str) -> str:
    owner = f"prereview_{service}_owner"
    passwords = open_credentials(product.folder / "data" / "secrets").postgres
    return role_url(admin_url(product), owner, passwords[owner])


@asynccontextmanager
async def admin(product: Product, seconds: float = 60.0) -> AsyncIterator["Connection"]:
    """Waits for the server; JSON comes as objects."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            connection = await asyncpg.connect(admin_url(product), timeout=5, command_timeout=60)
            break
        except (OSError, asyncpg.PostgresError):
            if asyncio.get_running_loop().time() > end:
                raise
            await asyncio.sleep(0.2)
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
    try:
        yield connection
    finally:
        await connection.close()


async def rows(connection: "Connection", sql: str, *values: Any) -> list[Row]:
    return [dict(row) for row in await connection.fetch(sql, *values)]
