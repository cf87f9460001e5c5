"""What must be in the database and the broker before the services start."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractConnection

from deploy.local.errors import CannotStart
from deploy.postgres.provision import provision, role_url
from deploy.rabbitmq.definitions import SERVICES
from services.rebuild import URL as OWNER_URL
from shared.messaging.queue_migration import QueueInUse, declare_queues
from shared.messaging.topology import declare_shared
from shared.migrations import upgrade

ROOT = Path(__file__).parents[2]
REBUILT = ("files", "reports")  # services whose read tables follow events


def create_roles(admin_url: str, passwords: Mapping[str, str], *, ours: bool) -> None:
    """`ours`: the whole server is, so that its other databases are closed to the roles too."""
    asyncio.run(provision(admin_url, passwords, whole_server=ours))


def migrate(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Bring all five schemas to today's version, each as its owner."""
    for service in SERVICES:
        upgrade(service, _owner_url(service, admin_url, passwords))


def rebuild(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Build the read tables anew, while they serve; those of each service in a process of its own.

    Raises:
        CannotStart: some stayed as they were; why was said on stderr.
    """
    program = [sys.executable, "-m", "services.rebuild"]
    running = {}
    try:
        for service in REBUILT:
            environment = {**os.environ, OWNER_URL: _owner_url(service, admin_url, passwords)}
            running[service] = subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
                [*program, service],
                cwd=ROOT,
                env=environment,
                process_group=0,  # a terminal's Ctrl-C comes through us, once
            )
        failed = [service for service, process in running.items() if process.wait()]
    except BaseException:
        for process in running.values():
            process.send_signal(signal.SIGINT)
        for process in running.values():
            process.wait()
        raise
    if failed:
        raise CannotStart(f"The read tables of {' and '.join(failed)} stayed as they were.")


def _owner_url(service: str, admin_url: str, passwords: Mapping[str, str]) -> str:
    owner = f"prereview_{service}_owner"
    return role_url(admin_url, owner, passwords[owner])


def declare_exchanges(amqp_url: str, seconds: float = 30.0) -> None:
    """Declare exchanges and queues; `amqp_url` is an administrator's.

    Takes as long as messages have to be moved, and else `seconds` at most.

    Raises:
        CannotStart: copies of an earlier version still run.
    """
    asyncio.run(_declare_exchanges(amqp_url, seconds))


async def _declare_exchanges(amqp_url: str, seconds: float) -> None:
    async with await aio_pika.connect(amqp_url, timeout=seconds) as connection:
        async with asyncio.timeout(seconds):
            await _declare_shared(connection)
        try:
            await declare_queues(connection)
        except QueueInUse as reason:
            raise CannotStart(str(reason)) from None


async def _declare_shared(connection: AbstractConnection) -> None:
    while True:
        channel = await connection.channel()
        try:
            await declare_shared(channel)
        except aio_pika.exceptions.ChannelNotFoundEntity:
            # Right after a start the stream's leader is still being elected (0.3 s measured).
            await asyncio.sleep(0.2)
        else:
            await channel.close()
            return
