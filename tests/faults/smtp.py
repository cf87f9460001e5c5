"""A mail server that tells the truth about itself: `python -m tests.faults.smtp FOLDER PORT`.

Each mail is written to `FOLDER/smtp.log` and synced to the disk before the 250 goes out. What it
does with the next conversation is the word in `FOLDER/smtp.act`, see `Act`.
"""

import asyncio
import email
import email.policy
import hashlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

Act = Literal["accept", "black_hole", "slow", "garbage", "4xx", "5xx", "die_after_dot"]
_ACT: TypeAdapter[Act] = TypeAdapter(Act)
SLOW = 3.0  # seconds before each answer


class Log:
    """One JSON object a line; a line that was written survives the death of the server."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, what: str, **facts: Any) -> None:
        line = json.dumps({"at": time.time(), "what": what, **facts}) + "\n"
        os.write(self._file, line.encode())
        os.fsync(self._file)


@dataclass
class Conversation:
    """One connection, from the banner to the end."""

    act: Act
    log: Log
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    recipient: str = ""

    async def hold(self) -> None:
        if self.act == "black_hole":
            await asyncio.Event().wait()
        if self.act == "garbage":
            await self.say("\x00\xff!! what is this ??")
        await self.say("220 faults ESMTP")
        while line := (await self.reader.readline()).decode("utf-8", "replace").strip():
            if not await self.answer(line):
                return

    async def answer(self, line: str) -> bool:
        """Whether the conversation goes on."""
        match line.partition(" ")[0].upper():
            case "EHLO" | "HELO":
                await self.say("250-faults\r\n250-PIPELINING\r\n250 8BITMIME")
            case "MAIL":
                await self.say("452 4.3.1 no room" if self.act == "4xx" else "250 ok")
            case "RCPT":
                self.recipient = line[line.index("<") + 1 : line.index(">")]
                if self.act == "5xx":
                    self.log.write("refused", to=self.recipient)
                    await self.say("550 5.7.1 not here")
                else:
                    await self.say("250 ok")
            case "DATA":
                await self.say("354 go ahead")
                await self.receive()
            case "QUIT":
                await self.say("221 bye")
                return False
            case _:
                await self.say("250 ok")
        return True

    async def receive(self) -> None:
        content = bytearray()
        while (line := await self.reader.readuntil(b"\n")) != b".\r\n":
            content += line[1:] if line.startswith(b".") else line
        dies = self.act == "die_after_dot"
        self.log.write("accepted", to=self.recipient, answered=not dies, **_told(bytes(content)))
        if dies:
            os._exit(1)
        await self.say("250 2.0.0 taken")

    async def say(self, reply: str) -> None:
        if self.act == "slow":
            await asyncio.sleep(SLOW)
        self.writer.write(f"{reply}\r\n".encode("latin-1"))
        await self.writer.drain()


def _told(content: bytes) -> dict[str, str]:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    body = mail.get_body(("plain",))
    return {
        "message_id": str(mail["Message-ID"]),
        "subject": str(mail["Subject"]),
        "digest": hashlib.sha256(content).hexdigest(),
        "text": str(body.get_content()) if body else "",
    }


async def serve(folder: Path, port: int) -> None:
    log = Log(folder / "smtp.log")

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        act = _ACT.validate_python((folder / "smtp.act").read_text().strip())
        log.write("connected", act=act)
        try:
            await Conversation(act, log, reader, writer).hold()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
