"""Faults of Postgres."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

import asyncpg

from deploy.postgres.provision import DATABASE
from tests.faults import processes
from tests.faults.database import admin, admin_url
from tests.faults.faults import Fault, last
from tests.faults.running import Running

READ_ONLY, STOPPED, LOCKED, FULL = 20.0, 20.0, 30.0, 15.0  # seconds
_TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = $1 AND pid <> pg_backend_pid()
"""
_IN_TRANSACTION = """
SELECT pid FROM pg_stat_activity WHERE usename LIKE 'prereview%' AND backend_type = 'client backend'
ORDER BY xact_start IS NULL, xact_start LIMIT 1
"""
_OFF = "SET default_transaction_read_only = off"


async def read_only_database(running: Running) -> None:
    """As after a failover to a standby that is not promoted yet: sessions begin anew."""
    async with admin(running.product) as connection:
        await connection.execute(
            f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on"
        )
        await connection.fetch(_TERMINATE, DATABASE)
    try:
        await last(READ_ONLY)
    finally:
        async with admin(running.product) as connection:
            await connection.execute(_OFF)
            await connection.execute(
                f"ALTER DATABASE {DATABASE} RESET default_transaction_read_only"
            )
            await connection.fetch(_TERMINATE, DATABASE)


async def read_only_server(running: Running) -> None:
    """For all sessions, also those that are open: nobody is thrown out."""
    async with admin(running.product) as connection:
        await connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await connection.execute("SELECT pg_reload_conf()")
        try:
            await last(READ_ONLY)
        finally:
            await connection.execute(_OFF)
            await connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            await connection.execute("SELECT pg_reload_conf()")


async def fast_restart(running: Running) -> None:
    await _signalled(running, signal.SIGINT)


async def immediate_stop(running: Running) -> None:
    await _signalled(running, signal.SIGQUIT)


async def kill_a_backend(running: Running) -> None:
    """The one whose transaction is oldest; Postgres then throws everybody out and recovers."""
    for _ in range(5):
        async with admin(running.product) as connection:
            pid = await connection.fetchval(_IN_TRANSACTION)
        if pid is not None:
            processes.send(pid, signal.SIGKILL)
        await last(3)


async def stand_still(running: Running) -> None:
    """SIGSTOP of the postmaster and all its backends."""
    stopped = processes.tree(processes.pids(running.product)["postgres"])
    for pid in stopped:
        processes.send(pid, signal.SIGSTOP)
    try:
        await last(STOPPED)
    finally:
        for pid in stopped:
            processes.send(pid, signal.SIGCONT)


async def exhaust_connections(running: Running) -> None:
    """Somebody else takes every connection there is; those in use are thrown out once."""
    taken: list[asyncpg.Connection[asyncpg.Record]] = []
    async with admin(running.product) as connection:
        await connection.fetch(_TERMINATE, DATABASE)
        end = asyncio.get_running_loop().time() + READ_ONLY
        while asyncio.get_running_loop().time() < end:
            with suppress(OSError, asyncpg.PostgresError):
                while True:
                    taken.append(await asyncpg.connect(admin_url(running.product), timeout=3))
            await asyncio.sleep(0.1)
    for one in taken:
        await one.close()


async def lock_a_table(running: Running) -> None:
    """As a migration or a dump would: nobody reads or writes what files has."""
    async with admin(running.product) as connection, connection.transaction():
        await connection.execute("LOCK TABLE files.events IN ACCESS EXCLUSIVE MODE")
        await last(LOCKED)


async def fill_the_disk(running: Running) -> None:
    """Needs the cluster on a small file system of its own: `tests.faults.small_disk`."""
    cluster = running.product.folder / "data" / "postgres"
    ballast = cluster / "ballast"
    try:
        await asyncio.to_thread(_fill, ballast)
        await last(FULL)
    finally:
        ballast.unlink()


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 65536):
            pass


async def _signalled(running: Running, number: signal.Signals) -> None:
    pid = processes.pids(running.product)["postgres"]
    processes.send(pid, number)
    for _ in range(300):
        await asyncio.sleep(0.1)
        if processes.pids(running.product).get("postgres", pid) != pid:
            break
    else:
        raise AssertionError("Postgres was not there again after 30 s")
    async with admin(running.product):
        pass


FAULTS = (
    Fault(
        "read-only",
        "database read-only for 20 s, sessions ended",
        read_only_database,
        in_tests=True,
    ),
    Fault("read-only-server", "server read-only for 20 s, sessions kept", read_only_server),
    Fault("postgres-restart", "fast restart of Postgres", fast_restart),
    Fault("postgres-immediate", "immediate stop of Postgres", immediate_stop),
    Fault("backend-killed", "kill -9 of a backend in a transaction, 5 times", kill_a_backend),
    Fault("postgres-stands-still", "SIGSTOP of Postgres for 20 s", stand_still),
    Fault("connections", "connections exhausted for 20 s", exhaust_connections),
    Fault("table-locked", "a table locked for 30 s", lock_a_table),
)
DISK = Fault("disk-full", "Postgres without disk space for 15 s", fill_the_disk)
