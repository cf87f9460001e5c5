"""The whole product, run as a user runs it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx2

from deploy.local.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
START = 90  # seconds a cold start may take on a busy machine


class Mail(NamedTuple):
    """A mail as the server has it."""

    to: list[str]
    subject: str
    message_id: str


@dataclass(frozen=True)
class Product:
    """A running Prereview and its mailbox."""

    url: str
    mailbox_url: str
    folder: Path
    supervisor: int

    async def mails(self) -> list[Mail]:
        """Everything the mail server has accepted."""
        async with httpx2.AsyncClient(base_url=self.mailbox_url) as http:
            messages = (await http.get("/api/messages")).json()
            whole = [(await http.get(f"/api/messages/{m['id']}")).json() for m in messages]
        return [Mail(m["to"], m["subject"], dict(m["headers"])["Message-ID"]) for m in whole]


@contextmanager
def running_product(folder: Path, **variables: str) -> Iterator[Product]:
    """`make serve` with a data folder and ports of its own; everything is gone at the end."""
    port, mailbox_port = free_port(), free_port()
    environment = {
        **outside(),
        "PREREVIEW_DATA": str(folder / "data"),
        "PREREVIEW_PORT": str(port),
        "PREREVIEW_MAILBOX_PORT": str(mailbox_port),
        "PREREVIEW_PUBLIC_URL": f"http://localhost:{port}",
        # Everybody here comes from one address.
        "PREREVIEW_FAILED_LOGINS_PER_IP_ADDRESS": "100000",
        "PREREVIEW_REGISTRATIONS_PER_IP_ADDRESS": "100000",
        **variables,
    }
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_ready(process, f"http://localhost:{port}/readyz", folder / "serve.log")
            yield Product(
                f"http://localhost:{port}", f"http://localhost:{mailbox_port}", folder, process.pid
            )
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def local(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m deploy.local` with data in a folder, until it ends."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", command],
        cwd=ROOT,
        env={**outside(), "PREREVIEW_DATA": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def outside() -> dict[str, str]:
    """The environment without settings of a product that runs elsewhere."""
    return {name: v for name, v in os.environ.items() if not name.startswith("PREREVIEW_")}


def free_port() -> int:
    return free_ports(1)[0]


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if (
                httpx2.get(url, timeout=2).status_code == httpx2.codes.OK
                and "http" in log.read_text()
            ):
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the product did not start:\n{log.read_text()}")
