"""Installs RabbitMQ on Debian without starting the system's own broker."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from deploy.local.errors import CannotStart
from deploy.local.rabbitmq import HOW_TO_INSTALL, find_server

POLICY = Path("/usr/sbin/policy-rc.d")  # asked by every package before it starts a service
LOG = Path("/var/log/prereview-install.log")
FORBIDDEN = "#!/bin/sh\nexit 101\n"
INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends", "rabbitmq-server"]


def ensure_rabbitmq(say: Callable[[str], None]) -> None:
    """Install the server if it is missing and we may.

    Raises:
        CannotStart: it is missing and we can't; the message says what to do.
    """
    if find_server() is not None:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise CannotStart(HOW_TO_INSTALL)
    say("RabbitMQ … is missing: installing it with apt-get, once")
    with LOG.open("ab") as output, services_forbidden(POLICY):
        installed = _run(INSTALL, output) or (
            _run(["apt-get", "update"], output) and _run(INSTALL, output)
        )
        if installed and shutil.which("systemctl"):
            _run(["systemctl", "disable", "rabbitmq-server"], output)
    if not installed or find_server() is None:
        raise CannotStart(f"apt-get could not install rabbitmq-server: see {LOG}.")


@contextmanager
def services_forbidden(policy: Path) -> Iterator[None]:
    """Within the block no package starts a service; afterwards `policy` is as it was."""
    before = policy.read_bytes() if policy.exists() else None
    mode = policy.stat().st_mode if before is not None else 0
    policy.write_text(FORBIDDEN, "utf-8")
    policy.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            policy.unlink(missing_ok=True)
        else:
            policy.write_bytes(before)
            policy.chmod(mode)


def _run(command: list[str], output: BinaryIO) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(  # noqa: S603 - our own commands
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        check=False,
    )
    return done.returncode == 0
