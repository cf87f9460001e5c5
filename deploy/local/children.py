"""What runs in forked children: the six services and the mailbox."""

import gc
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from deploy.local.credentials import SERVICES, Credentials
from deploy.local.options import Options
from deploy.local.ports import LOOPBACK
from deploy.postgres.provision import role_url
from deploy.rabbitmq.definitions import SERVICES as STATEFUL

HEAVY = ("services.__main__", "deploy.local.mailbox", "uvicorn.loops.uvloop")


@dataclass(frozen=True)
class Addresses:
    """Where everything is found in this run."""

    database: str = field(repr=False)  # an administrator's URL
    amqp: Callable[[str], str] = field(repr=False)  # user → URL
    smtp: str = field(repr=False)
    ports: Mapping[str, int]  # service → port


def preload() -> None:
    """Import once what every child needs: they share this memory instead of repeating it.

    Nothing here may start a thread: it would be missing in the children, its locks held for ever.
    """
    for module in (*HEAVY, *(f"services.{service}.main" for service in SERVICES)):
        import_module(module)
    gc.collect()
    gc.freeze()  # the collector would write to every page, and so copy it


def service_settings(
    service: str, options: Options, addresses: Addresses, credentials: Credentials
) -> dict[str, Any]:
    """What the runner decides for a service; everything else comes from the environment."""
    values: dict[str, Any] = {
        "port": addresses.ports[service],
        "public_url": options.public_url,
        "signing_key": credentials.signing_key(service),
        "jwks_file": credentials.jwks_file,
    }
    for other in STATEFUL:
        values[f"{other}_url"] = f"http://{LOOPBACK}:{addresses.ports[other]}"
    if service in STATEFUL:
        role = f"prereview_{service}"
        password = credentials.postgres[role]
        values |= {
            "host": LOOPBACK,
            "database_url": role_url(addresses.database, role, password),
            "amqp_url": addresses.amqp(role),
        }
    if service == "auth":
        values["password_pepper"] = credentials.pepper
    if service == "notifier":
        values["smtp_url"] = addresses.smtp
    return values


def check_settings(options: Options, credentials: Credentials) -> None:
    """Raises `Misconfigured` for a variable that a service would refuse."""
    ports = dict.fromkeys(SERVICES, options.port)
    database = options.database_url or f"postgresql://{LOOPBACK}/"
    smtp = options.smtp_url or f"smtp://{LOOPBACK}"
    addresses = Addresses(database, lambda _user: f"amqp://{LOOPBACK}/", smtp, ports)
    for service in SERVICES:
        values = service_settings(service, options, addresses, credentials)
        import_module("services.__main__").check(service, **values)


def run_service(service: str, values: Mapping[str, Any]) -> None:
    """Serve until SIGTERM."""
    sys.exit(import_module("services.__main__").run(service, **values))


def run_mailbox(folder: Path, smtp_port: int, port: int) -> None:
    """Serve until SIGTERM."""
    import_module("deploy.local.mailbox").serve(folder, smtp_port, port)
