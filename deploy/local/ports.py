"""Free TCP ports of the loopback interface."""

import json
import socket
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import SystemRandom

from deploy.local.errors import CannotStart
from deploy.local.files import write_text

LOOPBACK = "127.0.0.1"
# Linux gives outgoing connections ports from 32768 on, macOS from 49152. One of those that is free
# now may be taken before a server that takes seconds to start listens on it.
NOT_GIVEN_OUT = range(16_384, 32_768)


def is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        # Without it a port whose last connections are in TIME_WAIT looks taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _is_privileged(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            return True
        except OSError:
            return False
    return False


def answers(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on, nor is given one for an outgoing connection."""
    candidates = SystemRandom().sample(NOT_GIVEN_OUT, len(NOT_GIVEN_OUT))
    ports = list(islice(filter(is_free, candidates), count))
    if len(ports) < count:
        raise CannotStart("There are no free ports left.")
    return ports


def chosen_ports(file: Path) -> dict[str, int]:
    """What `kept_port` has chosen so far."""
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {}


def kept_port(file: Path, name: str) -> int:
    """The port chosen for `name` when `file` was first asked; another when that one is taken."""
    chosen = chosen_ports(file)
    if name not in chosen or not is_free(chosen[name]):
        chosen[name] = free_ports(1)[0]
        write_text(file, json.dumps(chosen, indent=2) + "\n")
    return chosen[name]


def require_free(port: int, variable: str) -> None:
    """Raise `CannotStart` naming the variable that moves us elsewhere."""
    if _is_privileged(port):
        raise CannotStart(
            f"Only an administrator may open port {port}: set {variable} to one from 1024 on."
        )
    if not is_free(port):
        raise CannotStart(
            f"Port {port} is taken by another program: set {variable} to a free port."
        )
