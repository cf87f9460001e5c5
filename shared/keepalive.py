"""Connections to Postgres that notice, on both sides, when the other one is gone.

A machine that dies or a network that is cut says nothing. The client would wait for its answer for
ever; the server would keep the locks of a dead client for two hours, the relay's lead among them.
A server that is only frozen still answers the probes, and is waited for. A client that is frozen
does so too, and is not: others wait for its locks.
"""

import asyncio
import socket
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

IDLE, INTERVAL, COUNT = 10, 5, 4  # seconds, seconds, probes: noticed within half a minute
UNANSWERED = 30_000  # milliseconds that what was sent may stay unacknowledged
# Milliseconds that a transaction may be left alone, with all its locks: longer than any command
# has, of which the hashing of a password is the longest pause.
LEFT_ALONE = 15_000

# For the server's side; without effect on a Unix socket.
SERVER_SETTINGS = {
    "tcp_keepalives_idle": str(IDLE),
    "tcp_keepalives_interval": str(INTERVAL),
    "tcp_keepalives_count": str(COUNT),
    "tcp_user_timeout": str(UNANSWERED),
    "idle_in_transaction_session_timeout": str(LEFT_ALONE),
}
_END_WHEN_SILENT = "SELECT set_config('idle_session_timeout', :milliseconds, false)"
# Not every system has every one of them.
_OPTIONS = {
    "TCP_KEEPIDLE": IDLE,
    "TCP_KEEPINTVL": INTERVAL,
    "TCP_KEEPCNT": COUNT,
    "TCP_USER_TIMEOUT": UNANSWERED,
}


class KeptAlive(asyncpg.Connection):
    """A connection whose socket is probed while nothing comes."""

    def __init__(self, protocol: Any, transport: asyncio.Transport, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        keep_alive(transport.get_extra_info("socket"))


async def end_when_silent(connection: AsyncConnection, seconds: float) -> None:
    """Have the server end the session, and the locks it holds, when nothing is asked for so long.

    For a session that a program keeps and uses all the time: a silent one is frozen.
    """
    milliseconds = f"{1000 * seconds:.0f}"
    await connection.execute(text(_END_WHEN_SILENT), {"milliseconds": milliseconds})


def keep_alive(sock: socket.socket) -> None:
    """Have the system probe a TCP connection on which nothing comes."""
    if sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
