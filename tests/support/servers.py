"""Postgres and RabbitMQ for the tests: private ones, or containers where only Docker is there.

`PREREVIEW_TEST_SERVERS=docker` asks for containers.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from deploy.local.rabbitmq import find_server
from deploy.local.servers import private_postgres, private_rabbitmq
from deploy.rabbitmq.definitions import ADMINISTRATOR, USERS, VHOST, definitions

POSTGRES = "postgres:18-trixie"
RABBITMQ = "rabbitmq:4"


@dataclass(frozen=True)
class Broker:
    """A RabbitMQ with the product's users."""

    host: str
    port: int
    passwords: dict[str, str] = field(repr=False)

    def url(self, user: str = ADMINISTRATOR) -> str:
        return f"amqp://{user}:{self.passwords[user]}@{self.host}:{self.port}/{VHOST}"


def with_docker() -> bool:
    """Whether the servers are to be containers."""
    asked = os.environ.get("PREREVIEW_TEST_SERVERS")
    return asked == "docker" or (asked is None and find_server() is None)


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """A superuser's address of a server of our own."""
    if not with_docker():
        # What is written here need not outlive the machine.
        with private_postgres(folder, fsync="off") as server:
            yield server.url
        return
    password = secrets.token_urlsafe(12)
    container = DockerContainer(POSTGRES).with_exposed_ports(5432)
    container.with_env("POSTGRES_PASSWORD", password)
    # The first start is the one that lays the cluster; the second one stays.
    ready = LogMessageWaitStrategy("(?s)ready to accept connections.*ready to accept connections")
    with container.waiting_for(ready) as running:
        host, port = running.get_container_host_ip(), running.get_exposed_port(5432)
        yield f"postgresql://postgres:{password}@{host}:{port}/postgres"


@contextmanager
def rabbitmq_server(folder: Path) -> Iterator[Broker]:
    """A broker of our own."""
    passwords = {user: secrets.token_urlsafe(12) for user in USERS}
    if not with_docker():
        with private_rabbitmq(folder, passwords) as server:
            yield Broker("127.0.0.1", server.port, passwords)
        return
    users, settings = folder / "definitions.json", folder / "20-prereview.conf"
    users.write_text(json.dumps(definitions(passwords)))
    settings.write_text("load_definitions = /etc/rabbitmq/definitions.json\n")
    container = DockerContainer(RABBITMQ).with_exposed_ports(5672)
    container.with_volume_mapping(str(users), "/etc/rabbitmq/definitions.json", "ro")
    container.with_volume_mapping(str(settings), "/etc/rabbitmq/conf.d/20-prereview.conf", "ro")
    for file in (users, settings):
        file.chmod(0o644)
    with container.waiting_for(LogMessageWaitStrategy("Server startup complete")) as running:
        host, port = running.get_container_host_ip(), running.get_exposed_port(5672)
        yield Broker(host, port, passwords)
