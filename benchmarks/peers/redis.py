"""A private Redis in a folder: the machine's, or Debian's unpacked into `.tools`."""

import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import LOOPBACK, answers, free_ports
from deploy.local.processes import spawn, stop
from deploy.local.unpacking import launcher, unpack

PACKAGE = PROGRAM = "redis-server"


@dataclass(frozen=True)
class Redis:
    url: str
    pid: int


@contextmanager
def private_redis(folder: Path) -> Iterator[Redis]:
    """With its own defaults, but for address and folder."""
    port = free_ports(1)[0]
    command: list[str | Path] = [
        _program(folder),
        "--bind",
        LOOPBACK,
        "--port",
        str(port),
        "--dir",
        folder,
    ]
    process = spawn(command, {}, folder / "redis.log")
    try:
        while not answers(port):
            assert process.poll() is None, (folder / "redis.log").read_text()
            time.sleep(0.05)
        yield Redis(f"redis://{LOOPBACK}:{port}/0", process.pid)
    finally:
        stop([process], signal.SIGTERM, 10.0)


def _program(folder: Path) -> Path:
    if found := shutil.which(PROGRAM):
        return Path(found)
    unpack(PACKAGE, lambda line: print(line, file=sys.stderr), folder / "install.log")
    program = launcher(PACKAGE, PROGRAM)
    assert program is not None
    return program
