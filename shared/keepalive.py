"""Connections to Postgres that notice, on both sides, when the other one is gone.

A machine that dies or a network that is cut says nothing. The client would wait for its answer for
ever; the server would keep the locks of a dead client for two hours, the relay's lead among them.
A server that is only frozen still answers the probes, and is waited for.
"""

import asyncio
import socket
from typing import Any

import asyncpg

IDLE, INTERVAL, COUNT = 10, 5, 4  # seconds, seconds, probes: noticed within half a minute
UNANSWERED = 30_000  # milliseconds that what was sent may stay unacknowledged

# For the server's side; without effect on a Unix socket.
SERVER_SETTINGS = {
    "tcp_keepalives_idle": str(IDLE),
    "tcp_keepalives_interval": str(INTERVAL),
    "tcp_keepalives_count": str(COUNT),
    "tcp_user_timeout": str(UNANSWERED),
}
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


def keep_alive(sock: socket.socket) -> None:
    """Have the system probe a TCP connection on which nothing comes."""
    if sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
