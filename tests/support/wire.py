"""A way to Postgres that breaks, or goes silent, at an exact moment of the conversation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit

Moment = Literal["before", "after"]
Fault = Literal["cut", "silence"]


class Wire:
    """Passes bytes on until a client says `words`; then once does what it is told.

    `before`: the words never reach the server. `after`: the server hears and answers them, and
    the answer never reaches the client. `cut` breaks both ends; `silence` keeps them open.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self.port = 0
        self.words = b""
        self.moment: Moment = "before"
        self.fault: Fault = "cut"
        self.is_open = True
        self.happened = asyncio.Event()
        self._ends: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def at(self, words: bytes, moment: Moment, fault: Fault, *, reopens: bool = True) -> None:
        """Without `reopens` nobody else gets through afterwards either."""
        self.words, self.moment, self.fault, self._reopens = words, moment, fault, reopens

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for end in self._ends:
            end.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if not self.is_open:
            client.transport.abort()
            return
        back, server = await asyncio.open_connection(*self._target)
        self._ends |= {client, server}
        deaf = asyncio.Event()
        with suppress(OSError):
            await asyncio.gather(
                self._forth(reader, server, client, deaf), _back(back, client, deaf)
            )

    async def _forth(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
        deaf: asyncio.Event,
    ) -> None:
        while data := await reader.read(65_536):
            if self.words and self.words in data:
                self.words = b""
                deaf.set()
                if self.moment == "after":
                    server.write(data)
                    await asyncio.sleep(0.2)  # until the server has answered
                self.is_open = self._reopens
                self.happened.set()
                if self.fault == "silence":
                    await asyncio.sleep(3600)
                client.transport.abort()
                break
            server.write(data)
            await server.drain()
        server.transport.abort()


async def _back(
    reader: asyncio.StreamReader, client: asyncio.StreamWriter, deaf: asyncio.Event
) -> None:
    while data := await reader.read(65_536):
        if not deaf.is_set():
            client.write(data)
            await client.drain()
    client.transport.abort()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """The wire to the server of a URL, and the URL that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    wire = Wire(parts.hostname, parts.port)
    await wire.listen()
    user = parts.netloc.rpartition("@")[0]
    try:
        yield wire, parts._replace(netloc=f"{user}@127.0.0.1:{wire.port}").geturl()
    finally:
        await wire.close()
