"""Tries what an isolated program must not do, and tells as JSON what it could.

Arguments: a TCP port somebody listens on, a file that is a secret, the process that started us.
"""

import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_GET_NO_NEW_PRIVS = 39  # prctl(2)


def could(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True


def leave_the_group() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0 if could(os.setsid) else 1)
    if os.waitpid(child, 0)[1]:
        raise PermissionError


def close_pair() -> None:
    for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM):
        end.close()


def main(port: int, secret: Path, starter: int) -> None:
    told = {
        "network": {
            "connection": could(lambda: socket.create_connection(("127.0.0.1", port), 5).close()),
            "datagrams": could(lambda: socket.socket(type=socket.SOCK_DGRAM).close()),
            "local socket": could(lambda: socket.socket(socket.AF_UNIX).close()),
            "pair of sockets": could(close_pair),
            "group left": could(leave_the_group),
        },
        "filesystem": {
            "secret": could(secret.read_bytes),
            "/etc": could(Path("/etc/passwd").read_bytes),
            "folder above": could(lambda: list(Path("..").iterdir())),
            "environment of its starter": could(Path(f"/proc/{starter}/environ").read_bytes),
            "new file": could(lambda: Path("written").touch()),
        },
        "secret": could(secret.read_bytes) or could(Path(f"/proc/{starter}/environ").read_bytes),
        "its folder": could(Path("0001.py").read_bytes),
        "ids": [*os.getresuid(), *os.getresgid(), *os.getgroups()],
        "environment": dict(os.environ),
        "no new privileges": bool(ctypes.CDLL(None).prctl(_GET_NO_NEW_PRIVS, 0, 0, 0, 0)),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
