"""The uvicorn server of every service."""

import asyncio
import socket
from types import FrameType

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.errors import Misconfigured

GRACE = 15  # seconds for open requests at shutdown
# Bytes of headers; more than the limit at which the application answers 431.
MAX_INCOMPLETE = 256 * 1024
IDLE = 15  # seconds a keep-alive connection may be idle


class Protocol(H11Protocol):
    """Closes a connection whose request headers are not complete in time."""

    headers_seconds = 10.0
    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._expect_nothing()
        elif self._overdue is None:
            self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_headers(self) -> None:
        self._overdue = self.loop.call_later(self.headers_seconds, self.transport.close)

    def _expect_nothing(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None


class Server(uvicorn.Server):
    """Sets `app.state.stopping` at shutdown, so that event streams end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        app: FastAPI = self.config.app  # type: ignore[assignment]
        app.state.stopping.set()
        super().handle_exit(sig, frame)


def serve(app: FastAPI, host: str, port: int) -> None:
    """Listen until SIGTERM or SIGINT."""
    Server(configuration(app, host, port)).run()


def check_host(host: str) -> None:
    """Raises `Misconfigured` if this machine has no such address."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _name, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(address)
    except (OSError, ValueError):  # gaierror, or an invalid name
        raise Misconfigured(
            "PREREVIEW_HOST: must be an address of this machine, such as 127.0.0.1 or 0.0.0.0."
        ) from None


def configuration(
    app: FastAPI, host: str, port: int, idle: int = IDLE, protocol: type[Protocol] = Protocol
) -> uvicorn.Config:
    """The uvicorn configuration of every service."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=protocol,  # httptools takes what h11 refuses: docs/decisions/0026
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # uvicorn would trust any local client
        h11_max_incomplete_event_size=MAX_INCOMPLETE,
        # Without it, asyncio resumes a paused connection in the context of an earlier request.
        reset_contextvars=True,
        timeout_keep_alive=idle,
        timeout_graceful_shutdown=GRACE,
    )
