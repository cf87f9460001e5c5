"""Mails handed over on one connection, one after the other, and what truly became of each."""

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
    LONGEST_TEXT,
    ConnectionEnded,
    ends_connection,
    failure_of,
    unconfirmed,
)
from services.notifier.smtp.replies import Replies, Reply

MOST_MAILS, LONGEST_LIFE = 100, 60.0  # mails and seconds for which a connection is used
_GO_AHEAD = 354
_DONE = 2  # first digit of an answer: RFC 5321 4.2.1


@dataclass(frozen=True)
class Patience:
    """Seconds to wait: until the server lets us in, for the permission to send, for the answer.

    The final answer gets more, for giving up on it can mean a duplicate (RFC 5321 4.5.3.2.6).
    """

    opening: float = 30.0
    conversation: float = 30.0
    answer: float = 60.0


class Connection:
    """A connection to a mail server that has let us in."""

    def __init__(
        self, transport: asyncio.Transport, patience: Patience, *, pipelining: bool
    ) -> None:
        """Take over a connection; `pipelining`: the server reads commands sent together."""
        self._transport, self._patience, self._pipelining = transport, patience, pipelining
        self._replies = Replies()
        transport.set_protocol(self._replies)
        self._mails, self._until = 0, time.monotonic() + LONGEST_LIFE
        self._in_order = True  # what was asked is answered, and no content is on its way
        self._begun = False  # the server still knows of a mail that it did not take

    @property
    def usable(self) -> bool:
        """Whether another mail may follow."""
        spent = self._mails >= MOST_MAILS or time.monotonic() >= self._until
        return self._in_order and self._replies.quiet and not spent

    async def send(self, message: Message) -> Reply:
        """Hand over a mail; return once the server has taken it.

        Lasts no longer than `conversation` and `answer` of the patience.

        Raises:
            ConnectionEnded: the server has taken other mails on this connection, and ended it
                before this one: nothing was tried yet.
            PermanentFailure: the server refuses sender, recipient or content with a 5xx.
            TemporaryFailure: anything else.
        """
        used, self._mails = self._mails > 0, self._mails + 1
        self._in_order = False
        with _explained(used=used):
            async with asyncio.timeout(self._patience.conversation):
                await self._ask_to_send(message)
            self._hand_over(message.octets)
        return await self._final_answer()

    def hang_up(self) -> None:
        """Say QUIT without waiting for its answer, which changes nothing and may never come.

        Only between mails: after 354 it would be content.
        """
        if self._in_order and not self._transport.is_closing():
            self._transport.write(b"QUIT\r\n")
            self._transport.close()
        else:
            self._transport.abort()

    async def _ask_to_send(self, message: Message) -> None:
        """Come as far as 354; until then the server can't have taken the mail."""
        sender, recipient = message.sender.addr_spec, message.recipient.addr_spec
        commands = [f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"]
        if self._begun:
            commands.insert(0, "RSET")
        if self._pipelining:
            self._write(*commands)
        refusal: SMTPResponseException | None = None
        for command in commands:
            if not self._pipelining:
                self._write(command)
            reply = await self._answer(refusal)
            if command == "RSET" and reply.code // 100 != _DONE:
                raise SMTPServerDisconnected("Connection can't be used again")
            refusal = refusal or _refusal(command, reply, recipient)
            if refusal and (not self._pipelining or reply.code == CLOSING):
                break
        self._begun = True
        if refusal is not None:
            # The permission to send a mail that was refused is not used. The server still waits
            # for its content: a connection in that state is given up (RFC 2920 3.1).
            self._in_order = reply.code not in (_GO_AHEAD, CLOSING)
            raise refusal

    async def _answer(self, refusal: SMTPResponseException | None) -> Reply:
        try:
            return await self._replies.next()
        except (SMTPServerDisconnected, SMTPResponseException) as end:
            raise refusal or end from None

    def _hand_over(self, octets: bytes) -> None:
        """Write the whole content and the final dot, apart from waiting for the answer."""
        if not self._replies.quiet:
            raise SMTPServerDisconnected("Connection lost")
        self._transport.write(_stuffed(octets) + b".\r\n")

    async def _final_answer(self) -> Reply:
        try:
            async with asyncio.timeout(self._patience.answer):
                reply = await self._replies.next()
        except Exception as error:
            raise unconfirmed(error) from error
        answer = SMTPDataError(reply.code, reply.text)
        self._begun, self._in_order = False, reply.code != CLOSING
        match reply.code // 100:
            case 2:
                return Reply(reply.code, printable(reply.text, LONGEST_TEXT))
            case 4 | 5:
                raise failure_of(answer)
        self._in_order = False
        raise unconfirmed(answer)

    def _write(self, *commands: str) -> None:
        if self._transport.is_closing():
            raise SMTPServerDisconnected("Connection lost")
        self._transport.write("".join(f"{command}\r\n" for command in commands).encode("ascii"))


def _stuffed(octets: bytes) -> bytes:
    """With a second dot before each that begins a line: RFC 5321 4.5.2. Lines end in CRLF."""
    first = b"." if octets.startswith(b".") else b""
    return first + octets.replace(b"\r\n.", b"\r\n..")


def _refusal(command: str, reply: Reply, recipient: str) -> SMTPResponseException | None:
    match command[:4], reply.code:
        case "DATA", code if code != _GO_AHEAD:
            return SMTPDataError(*reply)
        case "DATA", _:
            return None
        case _, code if code // 100 == _DONE:
            return None
        case "MAIL", _:
            return SMTPSenderRefused(*reply, "")
    return SMTPRecipientRefused(*reply, recipient)


@contextlib.contextmanager
def _explained(*, used: bool = False) -> Iterator[None]:
    """Say what went wrong before the content was sent; the end of a used connection is no fault."""
    try:
        yield
    except Exception as error:
        failure = failure_of(error)
        if used and ends_connection(error):
            raise ConnectionEnded(failure.reason) from error
        raise failure from error
