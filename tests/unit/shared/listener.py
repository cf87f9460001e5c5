"""A server that answers every request alike and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Listener:
    """Where it listens, and the first line of each request."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def listening(answer: bytes = b"{}") -> AsyncIterator[Listener]:
    """A server that says 200 and `answer`, as JSON."""
    listener = Listener()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            request = await reader.readuntil(b"\r\n\r\n")
            listener.asked.append(request.decode().partition("\r\n")[0])
            writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield listener
