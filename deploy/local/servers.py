"""Private servers for tests: `with private_postgres(folder) as postgres: … postgres.url`.

To be used from the main thread: the servers die with the thread that started them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import RabbitMQ


@contextmanager
def private_postgres(folder: Path, **settings: str) -> Iterator[Postgres]:
    """A server whose files are in `folder`; its `url` is the administrator's."""
    server = Postgres(folder / "postgres", settings=settings)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@contextmanager
def private_rabbitmq(folder: Path, passwords: Mapping[str, str]) -> Iterator[RabbitMQ]:
    """A node whose files are in `folder`; `url(user)` for each user in `passwords`."""
    server = RabbitMQ(folder / "rabbitmq", passwords)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.stop()
