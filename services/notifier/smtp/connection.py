"""Delivers mails on one connection, one after the other: the SMTP conversation of each."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from aiosmtplib import (
    SMTPDataError,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from services.notifier.mail.message import Message
from services.notifier.mail.printable import printable
from services.notifier.smtp.failures import (
    CLOSING,
    MAX_TEXT,
    ConnectionEnded,
    ends_connection,
    failure_of,
    unconfirmed_failure,
)
from services.notifier.smtp.replies import Reply, ReplyReader

_START_INPUT = 354  # the reply to DATA
_COMPLETED = 2  # first digit of a reply: RFC 5321 4.2.1


@dataclass(frozen=True)
class Timeouts:
    """Seconds: for connection, TLS and login, for the commands of a mail, for the final reply.

    The last one is longer, as giving up then can mean a duplicate (RFC 5321 4.5.3.2.6).
    """

    connect: float = 30.0
    commands: float = 30.0
    final_reply: float = 60.0


@dataclass(frozen=True)
class ConnectionLimits:
    """How many mails, and how many seconds, a connection is used for."""

    mails: int = 100
    seconds: float = 60.0


class Connection:
    """A connection on which the server is ready to take mails."""

    def __init__(
        self,
        transport: asyncio.Transport,
        timeouts: Timeouts,
        *,
        pipelining: bool,
        limits: ConnectionLimits,
    ) -> None:
        """Take over an open transport; `pipelining`: the server offers it (RFC 2920)."""
        self._transport, self._timeouts, self._pipelining = transport, timeouts, pipelining
        self._replies = ReplyReader()
        transport.set_protocol(self._replies)
        self._max_mails, self._usable_until = limits.mails, time.monotonic() + limits.seconds
        self._mails = 0
        self._in_sync = True  # every command has its reply, and no content is under way
        self._needs_reset = False  # the server holds a mail transaction that was not completed

    @property
    def usable(self) -> bool:
        """Whether another mail may follow."""
        used_up = self._mails >= self._max_mails or time.monotonic() >= self._usable_until
        return self._in_sync and self._replies.is_idle and not used_up

    async def send(self, message: Message) -> Reply:
        """Deliver a mail; return once the server has accepted it.

        Lasts no longer than the time-outs `commands` and `final_reply`.

        Raises:
            ConnectionEnded: the server has accepted other mails on this connection, and ended it
                before this one: another connection can be tried.
            PermanentFailure: the server refuses sender, recipient or content with a 5xx.
            TemporaryFailure: anything else.
        """
        used, self._mails = self._mails > 0, self._mails + 1
        self._in_sync = False
        with _delivery_failures(used=used):
            async with asyncio.timeout(self._timeouts.commands):
                await self._send_commands(message)
            self._send_content(message.octets)
        return await self._final_reply()

    def quit(self) -> None:
        """Send QUIT without waiting for its reply, which changes nothing and may never come.

        Only between mails: after 354 it would be content. Else the connection is aborted.
        """
        if self._in_sync and not self._transport.is_closing():
            self._transport.write(b"QUIT\r\n")
            self._transport.close()
        else:
            self._transport.abort()

    async def _send_commands(self, message: Message) -> None:
        """Return after the reply 354; until then the server can't have accepted the mail."""
        sender, recipient = message.sender.addr_spec, message.recipient.addr_spec
        commands = [f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"]
        if self._needs_reset:
            commands.insert(0, "RSET")
        if self._pipelining:
            self._write(*commands)
        refusal: SMTPResponseException | None = None
        for command in commands:
            if not self._pipelining:
                self._write(command)
            reply = await self._next_reply(refusal)
            if command == "RSET" and reply.code // 100 != _COMPLETED:
                raise SMTPServerDisconnected("Connection can't be used again")
            refusal = refusal or _refusal(command, reply, recipient)
            if refusal and (not self._pipelining or reply.code == CLOSING):
                break
        self._needs_reset = True
        if refusal is not None:
            # If DATA was accepted all the same, no content is sent. The server waits for it: a
            # connection in that state is given up (RFC 2920 3.1).
            self._in_sync = reply.code not in (_START_INPUT, CLOSING)
            raise refusal

    async def _next_reply(self, refusal: SMTPResponseException | None) -> Reply:
        try:
            return await self._replies.next()
        except (SMTPServerDisconnected, SMTPResponseException) as end:
            raise refusal or end from None

    def _send_content(self, octets: bytes) -> None:
        """Write the whole content and the final dot; the reply is awaited elsewhere."""
        if not self._replies.is_idle:
            raise SMTPServerDisconnected("Connection lost")
        self._transport.write(_stuffed(octets) + b".\r\n")

    async def _final_reply(self) -> Reply:
        try:
            async with asyncio.timeout(self._timeouts.final_reply):
                reply = await self._replies.next()
        except Exception as error:
            raise unconfirmed_failure(error) from error
        refusal = SMTPDataError(reply.code, reply.text)
        self._needs_reset, self._in_sync = False, reply.code != CLOSING
        match reply.code // 100:
            case 2:
                return Reply(reply.code, printable(reply.text, MAX_TEXT))
            case 4 | 5:
                raise failure_of(refusal)
        self._in_sync = False
        raise unconfirmed_failure(refusal)

    def _write(self, *commands: str) -> None:
        if self._transport.is_closing():
            raise SMTPServerDisconnected("Connection lost")
        self._transport.write("".join(f"{command}\r\n" for command in commands).encode("ascii"))


def _stuffed(octets: bytes) -> bytes:
    """Double each dot at the start of a line: RFC 5321 4.5.2. Lines end in CRLF."""
    first = b"." if octets.startswith(b".") else b""
    return first + octets.replace(b"\r\n.", b"\r\n..")


def _refusal(command: str, reply: Reply, recipient: str) -> SMTPResponseException | None:
    match command[:4], reply.code:
        case "DATA", code if code != _START_INPUT:
            return SMTPDataError(*reply)
        case "DATA", _:
            return None
        case _, code if code // 100 == _COMPLETED:
            return None
        case "MAIL", _:
            return SMTPSenderRefused(*reply, "")
    return SMTPRecipientRefused(*reply, recipient)


@contextlib.contextmanager
def _delivery_failures(*, used: bool = False) -> Iterator[None]:
    """Translate errors before the content; the end of a used connection is not the mail's fault."""
    try:
        yield
    except Exception as error:
        failure = failure_of(error)
        if used and ends_connection(error):
            raise ConnectionEnded(failure.reason) from error
        raise failure from error
