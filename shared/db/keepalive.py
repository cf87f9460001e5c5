"""Keepalive of connections to Postgres: client and server notice when the other one is gone.

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

# Seconds, seconds, probes: a dead peer is noticed within half a minute.
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 10, 5, 4
USER_TIMEOUT = 30_000  # milliseconds that what was sent may stay unacknowledged
# Milliseconds that a transaction may be left alone, with all its locks: longer than any command
# has, of which the hashing of a password is the longest pause.
IDLE_IN_TRANSACTION_TIMEOUT = 15_000

# For the server's side; without effect on a Unix socket.
SERVER_SETTINGS = {
    "tcp_keepalives_idle": str(KEEPALIVE_IDLE),
    "tcp_keepalives_interval": str(KEEPALIVE_INTERVAL),
    "tcp_keepalives_count": str(KEEPALIVE_COUNT),
    "tcp_user_timeout": str(USER_TIMEOUT),
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT),
}
_SET_IDLE_SESSION_TIMEOUT = text("""
SELECT set_config('idle_session_timeout', :milliseconds, false)
""")
# Not every system has every one of them.
_OPTIONS = {
    "TCP_KEEPIDLE": KEEPALIVE_IDLE,
    "TCP_KEEPINTVL": KEEPALIVE_INTERVAL,
    "TCP_KEEPCNT": KEEPALIVE_COUNT,
    "TCP_USER_TIMEOUT": USER_TIMEOUT,
}


class KeepaliveConnection(asyncpg.Connection):
    """A connection whose socket is probed while it is idle."""

    def __init__(self, protocol: Any, transport: asyncio.Transport, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        enable_keepalive(transport.get_extra_info("socket"))


async def set_idle_session_timeout(connection: AsyncConnection, seconds: float) -> None:
    """Have the server end the session, and release its locks, after so many idle seconds.

    For a session that a program keeps and uses all the time: a silent one is frozen.
    """
    milliseconds = f"{1000 * seconds:.0f}"
    await connection.execute(_SET_IDLE_SESSION_TIMEOUT, {"milliseconds": milliseconds})


def enable_keepalive(sock: socket.socket) -> None:
    """Have the system probe an idle TCP connection."""
    if sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
