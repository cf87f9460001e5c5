"""uvicorn, set up the same way everywhere."""

from types import FrameType

import uvicorn
from fastapi import FastAPI

GRACE = 15  # seconds open requests have to end
MAX_INCOMPLETE = 256 * 1024  # bytes of headers read, so that the application can answer 431
IDLE = 15  # seconds a kept connection may say nothing


class Server(uvicorn.Server):
    """Tells the application when it is asked to stop, so that endless answers end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        app: FastAPI = self.config.app  # type: ignore[assignment]
        app.state.stopping.set()
        super().handle_exit(sig, frame)


def serve(app: FastAPI, host: str, port: int) -> None:
    """Listen until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # uvicorn would believe any client on this machine
        h11_max_incomplete_event_size=MAX_INCOMPLETE,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=GRACE,
    )
    Server(config).run()
