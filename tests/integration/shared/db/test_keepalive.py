"""What may take long is not cut, and a dead peer is noticed all the same."""

import socket
from typing import Any

import pytest
from sqlalchemy import text

from shared.db import Database, DatabaseUnavailable
from tests.support.databases import PrivateDatabase


async def test_a_statement_is_cut_unless_it_may_take_long(postgres: PrivateDatabase) -> None:
    hasty = Database(postgres.url("files"), command_timeout=0.3)
    patient = Database(postgres.url("files"), command_timeout=None)
    with pytest.raises(DatabaseUnavailable):
        async with hasty.transaction() as connection:
            await connection.execute(text("SELECT pg_sleep(1)"))
    async with patient.transaction() as connection:
        await connection.execute(text("SELECT pg_sleep(1)"))
        assert await connection.scalar(text("SHOW statement_timeout")) == "0"  # the role's is 60 s
    async with hasty.transaction() as connection:
        assert await connection.scalar(text("SHOW statement_timeout")) == "1min"
    await hasty.close()
    await patient.close()


async def test_both_sides_probe_a_silent_connection(postgres: PrivateDatabase) -> None:
    database = Database(postgres.url("files"))
    async with database.transaction() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        sock = raw._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        for name, value in (("idle", "10"), ("interval", "5"), ("count", "4")):
            assert await connection.scalar(text(f"SHOW tcp_keepalives_{name}")) == value
    await database.close()
