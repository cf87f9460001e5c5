"""Programs that no Python package brings: installed with apt where we may, named where not."""

import ctypes
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
FORBIDDEN = "#!/bin/sh\nexit 101\n"
Say = Callable[[str], None]
# Without windows it needs half the time of the whole browser.
CHROMIUM = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
# Playwright's driver, a Node.js, is linked with it; a minimal Debian lacks it.
LIBATOMIC = "libatomic.so.1"
HOW_TO_INSTALL_LIBATOMIC = (
    "The library libatomic is missing, and the browser tests need it: install it (Debian: sudo "
    "apt-get install libatomic1)."
)
HOW_TO_INSTALL_CHROMIUM = (
    "Chromium is missing, and the browser tests need it: install it (Debian: sudo apt-get install "
    "chromium-headless-shell), or set PREREVIEW_TEST_CHROMIUM to a browser of yours."
)


def ensure_rabbitmq(say: Say, log: Path) -> None:
    """Install the server if it is missing and we may; what apt-get says goes to `log`.

    Raises:
        CannotStart: it is missing and we can't; the message says what to do.
    """
    if find_server() is not None:
        return
    _install("rabbitmq-server", say, log, HOW_TO_INSTALL)
    if find_server() is None:
        raise CannotStart(HOW_TO_INSTALL)


def ensure_chromium(say: Say, log: Path) -> None:
    """Like `ensure_rabbitmq`, for the browser of the browser tests and what its driver needs."""
    if find_chromium() is None:
        _install(CHROMIUM[0].name, say, log, HOW_TO_INSTALL_CHROMIUM)
    if not _loads(LIBATOMIC):
        _install("libatomic1", say, log, HOW_TO_INSTALL_LIBATOMIC)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def find_chromium() -> Path | None:
    """The browser of the browser tests."""
    if given := os.environ.get("PREREVIEW_TEST_CHROMIUM"):
        return Path(given)
    return next((path for path in CHROMIUM if path.exists()), None)


def _install(package: str, say: Say, log: Path, otherwise: str) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise CannotStart(otherwise)
    say(f"{package} … is missing: installing it with apt-get, once")
    install = ["apt-get", "install", "--yes", "--no-install-recommends", package]
    with log.open("ab") as output, services_forbidden(POLICY):
        installed = _run(install, output) or (
            _run(["apt-get", "update"], output) and _run(install, output)
        )
        if installed and shutil.which("systemctl"):
            _run(["systemctl", "disable", package], output)
    if not installed:
        raise CannotStart(f"apt-get could not install {package}: see {log}.")


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
