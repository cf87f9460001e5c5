"""A private RabbitMQ node in a folder."""

import json
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from deploy.local.errors import CannotStart
from deploy.local.files import closed_folder, write_text
from deploy.local.logs import fresh_log
from deploy.local.ports import LOOPBACK, kept_port
from deploy.local.processes import Process, spawn, stop
from deploy.local.unpacking import launcher
from deploy.rabbitmq.definitions import VHOST, definitions

NODE = "prereview@localhost"
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
CONFIGURATION = """\
listeners.tcp.1 = {host}:{port}
load_definitions = {definitions}
vm_memory_high_watermark.absolute = 512MiB
disk_free_limit.absolute = 50MB
max_message_size = 16777216
raft.wal_max_size_bytes = 33554432
log.console = true
log.file = false
"""


@dataclass
class RabbitMQ:
    """Start it, wait until it is ready, stop it; users, queues and messages stay in `folder`.

    `passwords` are those of `deploy.rabbitmq.definitions.USERS`; they are set at every start.
    """

    folder: Path
    passwords: Mapping[str, str] = field(repr=False)
    port: int = 0
    _process: Process | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        return fresh_log(self.folder.parent / "log", "rabbitmq")

    def url(self, user: str) -> str:
        password = quote(self.passwords[user], safe="")
        return f"amqp://{user}:{password}@{LOOPBACK}:{self.port}/{VHOST}"

    def start(self) -> Process:
        """Write the node's configuration and start it; does not wait for it."""
        server = find_server()
        if server is None:
            raise CannotStart(HOW_TO_INSTALL)
        closed_folder(self.folder)
        ports = self.folder.parent / "ports.json"
        self.port, erlang_port = kept_port(ports, "rabbitmq"), kept_port(ports, "erlang")
        self._write_configuration()
        environment = _environment(self.folder, erlang_port)
        command: list[str | Path] = [*_on_one_cpu(), server, "-noinput"]
        self._process = spawn(command, environment, self.log, folder=self.folder)
        return self._process

    def wait(self, seconds: float = 120.0) -> None:
        """Return when the node takes connections of its users.

        Raises:
            CannotStart: the node ended, or `seconds` went by.
        """
        deadline = time.monotonic() + seconds
        while not _speaks_amqp(self.port):
            if self._process is None or self._process.poll() is not None:
                raise CannotStart(f"RabbitMQ stopped while it started: see {self.log}.")
            if time.monotonic() > deadline:
                raise CannotStart(f"RabbitMQ was not ready after {seconds:.0f} s: see {self.log}.")
            time.sleep(0.1)
        if self._process is not None:
            _on_all_cpus(self._process.pid)

    def stop(self) -> None:
        if self._process is not None:
            stop([self._process], signal.SIGTERM, 20.0)

    def _write_configuration(self) -> None:
        users = self.folder / "definitions.json"
        write_text(users, json.dumps(definitions(self.passwords), indent=2))
        text = CONFIGURATION.format(host=LOOPBACK, port=self.port, definitions=users.name)
        write_text(self.folder / "rabbitmq.conf", text)
        write_text(self.folder / "enabled_plugins", "[].\n")
        cookie = self.folder / ".erlang.cookie"
        if not cookie.exists():
            write_text(cookie, secrets.token_hex(20), mode=0o400)


def find_server() -> Path | None:
    """The start script itself: Debian's wrapper on the PATH insists on its own user and folders."""
    return next((script for script in _candidates() if script.is_file()), None)


def _candidates() -> Iterator[Path]:
    yield Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    for prefix in ("/opt/homebrew", "/usr/local"):
        yield Path(prefix, "opt/rabbitmq/sbin/rabbitmq-server")
    yield from sorted(Path("/opt").glob("rabbitmq*/sbin/rabbitmq-server"), reverse=True)
    found = shutil.which("rabbitmq-server")
    if found and "sbin" not in Path(found).parts:
        yield Path(found)
    if ours := launcher("rabbitmq-server", "rabbitmq-server"):
        yield ours


HOW_TO_INSTALL = (
    "RabbitMQ is missing: install it (Debian: sudo apt-get install rabbitmq-server; macOS: brew "
    "install rabbitmq), or set PREREVIEW_AMQP_URL to a broker of yours."
)


def _environment(folder: Path, erlang_port: int) -> dict[str, str]:
    """Everything the node would else take from the machine: nothing of RABBITMQ_* is inherited."""
    # With its name given here, the node neither starts nor asks epmd, a daemon that would stay.
    erlang = f"-sname {NODE} -start_epmd false -erl_epmd_port {erlang_port}"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(folder),  # of the cookie
        "ERL_CRASH_DUMP_SECONDS": "0",
        "RABBITMQ_NODENAME": NODE,
        "RABBITMQ_DIST_PORT": str(erlang_port),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            f"{erlang} -kernel inet_dist_use_interface {{127,0,0,1}}"
        ),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ALLOW_INPUT": "1",  # the script becomes the node instead of waiting for it
    }


def _on_one_cpu() -> list[str]:
    """Erlang's threads wake each other for every file; across CPUs of a virtual machine that costs.

    Measured on 2 cores: start in 6 s instead of 12-19 s, with a third of the system time.
    """
    taskset = shutil.which("taskset")
    return [taskset, "-c", str(secrets.choice(_cpus()))] if taskset else []


def _on_all_cpus(pid: int) -> None:
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):  # it has ended meanwhile
            os.sched_setaffinity(int(thread.name), _cpus())


def _cpus() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _speaks_amqp(port: int) -> bool:
    """A listener may be up before the node answers on it."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(PROTOCOL_HEADER)
            return connection.recv(1) == b"\x01"  # a method frame: Connection.Start
    except OSError:
        return False
