"""Second copies of all services, with the settings the supervisor gives to the first."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from deploy.local import children
from deploy.local.credentials import SERVICES, open_credentials
from deploy.local.options import Options
from deploy.local.ports import free_ports
from deploy.local.readiness import wait_until_ready
from tests.faults import broker
from tests.faults.database import admin_url
from tests.faults.running import Running
from tests.support.product import ROOT


@dataclass
class Copies:
    """One more of each service; those of the gateway's port call one another."""

    running: Running
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.ports['gateway']}"

    def start(self) -> None:
        self.ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        for service in SERVICES:
            self.run(service)
        for service in SERVICES:
            wait_until_ready(
                f"second {service}",
                self.ports[service],
                "/readyz",
                self._log(service),
                lambda: None,
            )

    def run(self, service: str) -> None:
        with self._log(service).open("ab") as log:
            self.processes[service] = subprocess.Popen(
                [sys.executable, "-m", "services", service],
                cwd=ROOT,
                env=self._environment(service),
                stdout=log,
                stderr=log,
            )

    def pid(self, service: str) -> int | None:
        process = self.processes[service]
        return process.pid if process.poll() is None else None

    def keep_alive(self) -> None:
        for service, process in self.processes.items():
            if process.poll() is not None:
                self.run(service)

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _environment(self, service: str) -> dict[str, str]:
        product = self.running.product
        options = Options(data=product.folder / "data", public_url=product.url)
        smtp = f"smtp://127.0.0.1:{self.running.mail_server.port}"
        node = broker.node(product)
        addresses = children.Addresses(admin_url(product), node.url, smtp, self.ports)
        values = children.service_settings(
            service, options, addresses, open_credentials(options.data / "secrets")
        )
        outside = {name: v for name, v in os.environ.items() if not name.startswith("PREREVIEW_")}
        given = {f"PREREVIEW_{name.upper()}": _text(value) for name, value in values.items()}
        more = {f"PREREVIEW_{name}": value for name, value in self.running.variables.items()}
        return {**outside, **more, **given}

    def _log(self, service: str) -> Path:
        return self.running.folder / f"second-{service}.log"


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


@contextmanager
def second_copies(running: Running) -> Iterator[Copies]:
    """People use both gateways in turn meanwhile."""
    copies = Copies(running)
    try:
        copies.start()
        running.doors.urls.append(copies.url)
        yield copies
    finally:
        running.doors.urls[:] = [running.product.url]
        copies.stop()
