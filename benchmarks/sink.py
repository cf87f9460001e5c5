"""A mail server that takes every mail at once: `python -m benchmarks.sink FILE PORT`.

For each mail FILE gets a line, when it was taken (seconds of the monotonic clock), for whom and how
many bytes, and then the bytes. Nothing waits for a disk.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from deploy.local.ports import LOOPBACK, answers, free_ports
from deploy.local.processes import spawn, stop
from tests.support.product import ROOT

LARGEST = 1024 * 1024  # bytes
END = b"\r\n.\r\n"


@dataclass
class Taken:
    at: float
    to: str
    content: bytes


@dataclass
class Conversation:
    """One connection: as many mails as its client likes."""

    file: BinaryIO
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    recipient: str = "-"

    async def hold(self) -> None:
        self.say("220 sink ESMTP")
        while line := (await self.reader.readline()).decode().strip():
            match line.partition(" ")[0].upper():
                case "EHLO":
                    self.say("250-sink\r\n250-PIPELINING\r\n250 8BITMIME")
                case "RCPT":
                    self.recipient = line[line.index("<") + 1 : line.index(">")]
                    self.say("250 ok")
                case "DATA":
                    await self.take()
                case "QUIT":
                    return self.say("221 bye")
                case _:
                    self.say("250 ok")
            await self.writer.drain()
        return None

    async def take(self) -> None:
        self.say("354 go ahead")
        content = (await self.reader.readuntil(END)).removesuffix(END)
        head = f"{time.monotonic()} {self.recipient} {len(content)}\n"
        self.file.write(head.encode() + content)
        self.say("250 2.0.0 taken")

    def say(self, reply: str) -> None:
        self.writer.write(f"{reply}\r\n".encode())


async def serve(path: Path, port: int) -> None:
    with path.open("ab", buffering=0) as file:

        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await Conversation(file, reader, writer).hold()
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(hold, LOOPBACK, port, limit=LARGEST)
        async with server:
            await server.serve_forever()


@dataclass
class Sink:
    """The server's process, and what it has taken."""

    file: Path
    port: int
    pid: int = 0
    mails: list[Taken] = field(default_factory=list, repr=False)
    _read: int = 0

    @property
    def url(self) -> str:
        return f"smtp://{LOOPBACK}:{self.port}"

    def look(self) -> list[Taken]:
        """All mails up to now, oldest first."""
        with self.file.open("rb") as file:
            file.seek(self._read)
            while (head := file.readline()).endswith(b"\n"):
                at, to, size = head.decode().split()
                content = file.read(int(size))
                if len(content) < int(size):
                    break
                self._read = file.tell()
                self.mails.append(Taken(float(at), to, content))
        return self.mails


@contextmanager
def running_sink(folder: Path) -> Iterator[Sink]:
    port = free_ports(1)[0]
    sink = Sink(folder / f"mails.{port}", port)
    command = [sys.executable, "-m", "benchmarks.sink", str(sink.file), str(sink.port)]
    process = spawn(command, os.environ | {"PYTHONPATH": str(ROOT)}, folder / "sink.log")
    try:
        sink.pid = process.pid
        while not answers(sink.port):
            time.sleep(0.05)
        yield sink
    finally:
        stop([process], signal.SIGKILL, 10.0)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
