"""Programs that no Python package brings: installed with apt by root, unpacked by others.

Where there is no apt they are named.
"""

import ctypes
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from deploy.local.apt import Say, apt_get, configure
from deploy.local.errors import CannotStart
from deploy.local.rabbitmq import HOW_TO_INSTALL, find_server
from deploy.local.unpacking import can_unpack, launcher, unpack, unpacked

POLICY = Path("/usr/sbin/policy-rc.d")  # asked by every package before it starts a service
# Left behind by a run that was killed, it forbids nothing.
FORBIDDEN = """\
#!/bin/sh
# Prereview's, as long as it holds the lock of this folder: while it installs.
flock -s -n "$(dirname "$0")" true && exit 0
exit 101
"""
# Without windows it needs half the time of the whole browser.
CHROMIUM = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
# On Linux, Playwright's driver, a Node.js, is linked with it; a minimal Debian lacks it.
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
    """Install or unpack the server if it is missing; what apt-get says goes to `log`.

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
    given = os.environ.get("PREREVIEW_TEST_CHROMIUM")
    if given and not shutil.which(given):
        raise CannotStart("PREREVIEW_TEST_CHROMIUM names no program: change it, or unset it.")
    if find_chromium() is None:
        _install(CHROMIUM[0].name, say, log, HOW_TO_INSTALL_CHROMIUM)
    needed = sys.platform == "linux" and not _loads(LIBATOMIC)
    if needed and unpacked("libatomic1") is None:
        _install("libatomic1", say, log, HOW_TO_INSTALL_LIBATOMIC)


def driver_libraries() -> str:
    """`LD_LIBRARY_PATH` for the driver of the browser tests; empty where nothing was unpacked."""
    root = unpacked("libatomic1")
    folders = sorted({str(file.parent) for file in root.rglob("*.so.*")}) if root else []
    return ":".join(folders)


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
    found = next((path for path in CHROMIUM if path.exists()), None)
    return found or launcher(CHROMIUM[0].name, CHROMIUM[0].name)


def _install(package: str, say: Say, log: Path, otherwise: str) -> None:
    if os.geteuid() != 0 and can_unpack():
        try:
            unpack(package, say, log)
        except CannotStart as reason:
            raise CannotStart(f"{reason} {otherwise}") from None
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise CannotStart(otherwise)
    say(f"{package} … is missing: installing it with apt-get, once")
    try:
        with log.open("ab") as output, services_forbidden(POLICY):
            installed = _install_as_root(package, output, say)
    except (OSError, subprocess.SubprocessError) as reason:
        raise CannotStart(f"{package} could not be installed ({reason}). {otherwise}") from None
    if not installed:
        raise CannotStart(f"apt-get could not install {package}: see {log}.")


def _install_as_root(package: str, output: BinaryIO, say: Say) -> bool:
    install = ["install", "--yes", "--no-install-recommends", package]
    installed = apt_get(install, output, say, to_the_end=True)
    if not installed:  # no lists yet, or old ones; one source of several may fail
        configure(output, say)  # somebody's earlier installation may have been interrupted
        apt_get(["update"], output, say)
        installed = apt_get(install, output, say, to_the_end=True)
    if installed and shutil.which("systemctl"):
        disable = ["systemctl", "disable", package]
        subprocess.run(  # noqa: S603
            disable,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
            timeout=60,
        )
    return installed


@contextmanager
def services_forbidden(policy: Path) -> Iterator[None]:
    """Within the block no package starts a service; afterwards `policy` is as it was.

    Two of the machine, perhaps of two checkouts, wait for each other: the first one's end would
    allow what the second one installs to start.
    """
    with _locked(policy.parent):
        before = policy.read_bytes() if policy.exists() else None
        mode = policy.stat().st_mode if before is not None else 0
        try:
            policy.write_text(FORBIDDEN, "utf-8")
            policy.chmod(0o755)
            yield
        finally:
            if before in (None, FORBIDDEN.encode()):
                policy.unlink(missing_ok=True)
            else:
                policy.write_bytes(before)
                policy.chmod(mode)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
