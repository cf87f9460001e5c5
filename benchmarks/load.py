"""Clients that cost next to nothing: requests made before, over connections that are kept."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from uuid import uuid4

from benchmarks.times import milliseconds
from deploy.local.ports import LOOPBACK

UNAVAILABLE = 503
LARGEST = 4 * 1024 * 1024  # bytes of an answer


@dataclass
class Load:
    """How long it took in all, the seconds of each success, and how often 503 was the answer."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def a_second(self) -> float:
        return len(self.times) / self.seconds

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return milliseconds(self.times, 99)


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    told = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def upload(path: str, headers: dict[str, str], name: str, content: bytes) -> bytes:
    """A form with one file."""
    boundary = uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    head += "Content-Type: text/x-python\r\n\r\n"
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return request("POST", path, headers | kind, body)


async def play(port: int, scripts: Sequence[Iterable[bytes]]) -> Load:
    """Each script on a connection of its own, one request after the other, all at once.

    Raises:
        AssertionError: an answer is neither a success nor a 503.
    """
    load, begun = Load(), time.monotonic()
    await asyncio.gather(*(_play(port, script, load) for script in scripts))
    load.seconds = time.monotonic() - begun
    return load


async def hold(port: int, asked: bytes, connections: int, seconds: float) -> Load:
    """The same request on so many connections for so long."""
    end = time.monotonic() + seconds
    return await play(port, [_until(end, asked) for _ in range(connections)])


def _until(end: float, asked: bytes) -> Iterator[bytes]:
    for again in repeat(asked):
        if time.monotonic() > end:
            return
        yield again


async def _play(port: int, script: Iterable[bytes], load: Load) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port, limit=LARGEST)
    try:
        for asked in script:
            begun = time.monotonic()
            status, body = await _ask(reader, writer, asked)
            if status == UNAVAILABLE:
                load.refused += 1
                continue
            assert status < 300, f"{status}: {body[:300]!r}"
            load.times.append(time.monotonic() - begun)
    finally:
        writer.close()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes
) -> tuple[int, bytes]:
    writer.write(asked)
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().splitlines()
    length = next(int(line[15:]) for line in head if line.startswith("content-length:"))
    return int(head[0].split()[1]), await reader.readexactly(length)
