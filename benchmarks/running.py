"""The product as `make serve` starts it, with a mail server and people of the benchmark's own."""

import asyncio
import email
import email.policy
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.sink import Sink, running_sink
from benchmarks.sources import Source
from tests.faults import processes
from tests.faults.database import Connection
from tests.support.people import PASSWORD, Person
from tests.support.product import Product, running_product
from tests.support.waiting import eventually

# Of the preparation only: passwords of people who are not measured.
QUICK = {"PREREVIEW_BCRYPT_COST": "4"}
LONGEST = 1800.0  # seconds that a count may take


@dataclass
class Client(Person):
    """Somebody who gets mail at the sink."""

    sink: Sink = field(default_factory=lambda: Sink(Path(), 0))
    user_id: str = ""

    def bearer(self) -> dict[str, str]:
        return {"Authorization": self.http.headers["Authorization"]}

    async def cookies(self) -> dict[str, str]:
        """A browser's header, after a login at the screens."""
        form = {"email": self.email, "password": PASSWORD, "next": "/"}
        answer = await self.http.post(f"{self.product.url}/login", data=form)
        told = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
        return {"Cookie": told}

    async def mails(self) -> list[dict[str, Any]]:
        return [_read(mail.content) for mail in self.sink.look() if mail.to == self.email]


@dataclass
class Running:
    product: Product
    sink: Sink
    people: list[Client]

    @property
    def port(self) -> int:
        return int(self.product.url.rpartition(":")[2])

    def user_ids(self) -> list[str]:
        return [person.user_id for person in self.people]

    def pids(self) -> dict[str, int]:
        """Of each service, of Postgres and of RabbitMQ."""
        return dict(sorted(processes.pids(self.product).items()))

    async def upload(self, files: Sequence[Source]) -> None:
        """Everybody at once uploads a share of the files, one after the other."""
        count = len(self.people)
        await asyncio.gather(
            *(_upload(person, files[number::count]) for number, person in enumerate(self.people))
        )

    def results(self) -> list[float]:
        """When each mail about a check was taken: the first of each person is about the account."""
        return [mail.at for mail in self.sink.look()[len(self.people) :]]


@asynccontextmanager
async def running(people: int, **variables: str) -> AsyncIterator[Running]:
    """All of it in a folder of its own; `variables` are the services', without prefix."""
    with temporary_folder() as folder:
        async with running_in(folder, people, **variables) as system:
            yield system


@asynccontextmanager
async def running_in(folder: Path, people: int, **variables: str) -> AsyncIterator[Running]:
    """With the data that are there, and people who are new."""
    chosen = {f"PREREVIEW_{name}": value for name, value in variables.items()}
    with (
        running_sink(folder) as sink,
        running_product(folder, PREREVIEW_SMTP_URL=sink.url, **QUICK, **chosen) as product,
    ):
        clients = [await _client(product, sink, number) for number in range(people)]
        try:
            yield Running(product, sink, clients)
        finally:
            for client in clients:
                await client.http.aclose()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="prereview-bench.") as folder:
        yield Path(folder)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process does nothing within the block, and does not know of it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def until(connection: Connection, sql: str, count: int, *values: Any) -> None:
    """Wait until a query counts so many."""

    async def enough() -> bool:
        await asyncio.sleep(0.05)
        return bool(await connection.fetchval(sql, *values) >= count)

    await eventually(enough, LONGEST)


async def _client(product: Product, sink: Sink, number: int) -> Client:
    client = await Client.unconfirmed(product, f"person{number}.{uuid4().hex[:8]}@example.org")
    client.sink = sink
    await client.confirm()
    client.user_id = (await client.get("/me"))["user_id"]
    return client


async def _upload(person: Client, files: Sequence[Source]) -> None:
    for file in files:
        await person.upload(file.name, file.content)


def _read(content: bytes) -> dict[str, Any]:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    body = mail.get_body(("plain",))
    return {"text": str(body.get_content()) if body else ""}
