"""Finds the processes of a running product by the log each writes to, and signals them."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deploy.local.credentials import SERVICES
from tests.support.product import Product

SERVERS = ("postgres", "rabbitmq")


def pids(product: Product) -> dict[str, int]:
    """Of each service and server that lives now: `postgres` is the postmaster, `rabbitmq` beam."""
    found = {}
    for pid in _children(product.supervisor):
        with suppress(OSError):
            log = Path(f"/proc/{pid}/fd/1").readlink()
            if log.stem in (*SERVICES, *SERVERS):
                found[log.stem] = pid
    return found


def send(pid: int, number: signal.Signals) -> bool:
    """False when it has ended meanwhile."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def tree(pid: int) -> list[int]:
    """A process and all below it: Postgres has its backends there, a service perhaps ruff."""
    return [pid, *(below for child in _children(pid) for below in tree(child))]


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, task.read_text().split())
