"""An SMTP server on loopback that does what a test tells it, at every step of a conversation."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

Step = Literal[
    "banner", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content", "rset", "quit"
]


@dataclass(frozen=True)
class Act:
    """What to do at a step: after `delay` seconds send `reply` (if any), then what `then` says.

    Each time, or `once`.
    """

    reply: str | None = None
    then: Literal["go_on", "drop", "hang"] = "go_on"
    delay: float = 0.0
    once: bool = False


DROP = Act(then="drop")
HANG = Act(then="hang")

_DEFAULTS: dict[Step, Act] = {
    "banner": Act("220 test ESMTP"),
    "starttls": Act("220 go ahead"),
    "mail": Act("250 sender ok"),
    "rcpt": Act("250 recipient ok"),
    "data": Act("354 go ahead"),
    "content": Act("250 2.0.0 taken as 42"),
    "rset": Act("250 forgotten"),
    "quit": Act("221 bye", then="drop"),
}


@dataclass(frozen=True)
class ReceivedMail:
    sender: str
    recipients: list[str]
    content: bytes


class _Over(Exception):
    """The conversation is over."""


@dataclass
class SmtpTestServer:
    """Set `acts` at any time, also between mails; `taken` holds what was answered with 250.

    `seen` has every mail whose final dot arrived, whatever the answer; `commands` every line.
    """

    acts: dict[Step, Act] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    login: tuple[str, str] | None = None
    pipelining: bool = False
    taken: list[ReceivedMail] = field(default_factory=list)
    seen: list[ReceivedMail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Listen, after the first time on the same port again."""
        tls = self.tls if self.implicit_tls else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections and drop those that exist."""
        if self._server:
            self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._running.add(task)
        try:
            await _Conversation(self, reader, writer).hold()
        except (_Over, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._running.discard(task)
            writer.close()


@dataclass
class _Conversation:
    server: SmtpTestServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    secure: bool = False
    sender: str = ""
    recipients: list[str] = field(default_factory=list)

    async def hold(self) -> None:
        await self.act("banner")
        while line := (await self.reader.readline()).decode("utf-8", "replace").strip():
            self.server.commands.append(line)
            verb, _, rest = line.partition(" ")
            await self.answer(verb.upper(), rest)

    async def answer(self, verb: str, rest: str) -> None:
        match verb:
            case "EHLO" | "HELO":
                await self.act("ehlo", Act(self.greeting()))
            case "STARTTLS":
                if await self.act("starttls") == "2" and self.server.tls:
                    await self.writer.start_tls(self.server.tls)
                    self.secure = True
            case "AUTH":
                await self.act("auth", Act(self.check_login(rest)))
            case "MAIL":
                self.sender, self.recipients = _path(rest), []
                await self.act("mail")
            case "RCPT":
                self.recipients.append(_path(rest))
                await self.act("rcpt")
            case "DATA":
                if await self.act("data") == "3":
                    await self.receive()
            case "RSET" | "QUIT":
                await self.act("rset" if verb == "RSET" else "quit")
            case _:
                await self.say("502 what?")

    def greeting(self) -> str:
        offers = ["STARTTLS"] if self.server.tls and not self.secure else []
        offers += ["AUTH PLAIN"] if self.server.login else []
        offers += ["PIPELINING"] if self.server.pipelining else []
        names = ["test", *offers, "8BITMIME"]
        last = len(names) - 1
        return "\r\n".join(f"250{' ' if n == last else '-'}{name}" for n, name in enumerate(names))

    def check_login(self, rest: str) -> str:
        secret = base64.b64decode(rest.removeprefix("PLAIN ")).decode()
        right = self.server.login and secret == "\0{}\0{}".format(*self.server.login)
        return "235 welcome" if right else "535 5.7.8 no such user or password"

    async def receive(self) -> None:
        content = bytearray()
        while (line := await self.reader.readuntil(b"\n")) != b".\r\n":
            content += line[1:] if line.startswith(b".") else line
        mail = ReceivedMail(self.sender, self.recipients, bytes(content))
        self.server.seen.append(mail)
        reply = self.server.acts.get("content", _DEFAULTS["content"]).reply
        if reply and reply.startswith("2"):
            self.server.taken.append(mail)
        await self.act("content")

    async def act(self, step: Step, default: Act | None = None) -> str:
        """Do what the test wants at this step; give the first digit of the reply."""
        act = self.server.acts.get(step) or default or _DEFAULTS[step]
        if act.once:
            del self.server.acts[step]
        await asyncio.sleep(act.delay)
        if act.reply is not None:
            await self.say(act.reply)
        if act.then == "hang":
            await asyncio.Event().wait()
        if act.then == "drop":
            raise _Over
        return (act.reply or "")[:1]

    async def say(self, reply: str) -> None:
        self.writer.write(f"{reply}\r\n".encode())
        await self.writer.drain()


def _path(rest: str) -> str:
    return rest[rest.index("<") + 1 : rest.index(">")]


@contextlib.asynccontextmanager
async def smtp_server(server: SmtpTestServer | None = None) -> AsyncIterator[SmtpTestServer]:
    server = server or SmtpTestServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
