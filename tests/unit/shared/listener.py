"""A server that answers every request alike and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Listener:
    """Where it listens, the first line of each request, and how many connections it had."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def listening(answer: bytes = b"{}", *, keeps: bool = False) -> AsyncIterator[Listener]:
    """A server that says 200 and `answer`, as JSON, and may keep a connection for more."""
    listener = Listener()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}"
    head += "\r\n\r\n" if keeps else "\r\nConnection: close\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                listener.asked.append(request.decode().partition("\r\n")[0])
                writer.write(head.encode() + answer)
                await writer.drain()
                if not keeps:
                    break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield listener
