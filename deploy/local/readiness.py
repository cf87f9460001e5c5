"""Waiting until a program answers that it is ready."""

import http.client
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import CannotStart
from deploy.local.ports import LOOPBACK


def wait_until_ready(
    name: str, port: int, path: str, log: Path, check: Callable[[], None], seconds: float = 90.0
) -> None:
    """Return when `path` answers 200; `check` is called in between and may start programs again.

    Raises:
        CannotStart: that took too long.
    """
    deadline = time.monotonic() + seconds
    told = "no answer"
    while (status_and_text := _get(port, path)) is None or status_and_text[0] != 200:  # noqa: PLR2004
        told = status_and_text[1] if status_and_text else told
        if time.monotonic() > deadline:
            raise CannotStart(f"{name} was not ready after {seconds:.0f} s ({told}): see {log}.")
        check()
        time.sleep(0.05)


def _get(port: int, path: str) -> tuple[int, str] | None:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=6)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        answer = connection.getresponse()
        return answer.status, answer.read(500).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
