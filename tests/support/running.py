"""A copy of one service in a process of its own, and the services it asks."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.keys import Keys
from tests.support.product import ROOT, free_port

Answer = Callable[[str, Any], Awaitable[Any]]
"""`async (path, JSON of the request) → JSON of the answer`."""


@contextmanager
def running_copy(
    service: str, keys: Keys, database_url: str, log: Path, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m services …` without a broker; killed at the end."""
    values = {
        "DATABASE_URL": database_url,
        "AMQP_URL": "amqp://nobody@127.0.0.1:1/",
        "SIGNING_KEY": keys.private[service],
        "JWKS_FILE": str(keys.jwks_file),
        "PORT": str(free_port()),
        **variables,
    }
    outside = {name: v for name, v in os.environ.items() if not name.startswith("PREREVIEW_")}
    environment = outside | {f"PREREVIEW_{name}": value for name, value in values.items()}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "services", service],
            cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@asynccontextmanager
async def stand_in(answer: Answer) -> AsyncIterator[str]:
    """A service that answers as a test says; gives its address."""
    conversations = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        conversations.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _converse(reader, writer, answer)
        conversations.discard(task)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer
) -> None:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        length = sum(int(h.split(":")[1]) for h in head if h.lower().startswith("content-length"))
        body = await reader.readexactly(length)
        told = await answer(head[0].split()[1], json.loads(body) if body else None)
        content = json.dumps(told).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
            % len(content)
        )
        writer.write(content)
        await writer.drain()
