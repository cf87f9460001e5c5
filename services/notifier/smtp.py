"""One mail to one recipient over SMTP, and what truly became of it."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

from aiosmtplib import SMTP, SMTPDataError, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol

from services.notifier.mail.address import BadAddress, parse_address
from services.notifier.mail.message import UnsafeMessage, serialise
from services.notifier.mail.printable import printable
from services.notifier.smtp_failures import LONGEST_TEXT, PermanentFailure, failure_of, unconfirmed
from services.notifier.smtp_url import SmtpServer

_LINE_START_DOT = re.compile(rb"^\.", re.MULTILINE)
_GO_AHEAD = 354


@dataclass(frozen=True)
class Reply:
    """The server's answer after the final dot: it has taken the mail."""

    code: int
    text: str


@dataclass(frozen=True)
class Patience:
    """Seconds to wait: from connecting to the permission to send, then for the final answer.

    The final answer gets more, for giving up on it can mean a duplicate (RFC 5321 4.5.3.2.6).
    """

    conversation: float = 30.0
    answer: float = 60.0


@dataclass(frozen=True)
class _Envelope:
    sender: Address
    recipient: Address
    octets: bytes


async def deliver(
    server: SmtpServer,
    message: EmailMessage,
    recipient: str,
    *,
    patience: Patience | None = None,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """Send a mail on a connection of its own; return once the server has taken it.

    Lasts no longer than the sum of `patience`. `tls` replaces the system's trusted certificates.

    Raises:
        PermanentFailure: the server refuses sender, recipient or content with a 5xx, or the mail
            or the recipient's address is not fit to be sent at all.
        TemporaryFailure: anything else, trouble with login, TLS or the whole server included.
    """
    patience = patience or Patience()
    envelope = _envelope(message, recipient)
    client = _client(server, envelope.sender.domain, patience.conversation, tls)
    try:
        with _explained():
            async with asyncio.timeout(patience.conversation):
                await client.connect()
                await _ask_to_send(client, envelope)
            protocol = _hand_over(client, envelope.octets)
        return await _final_answer(protocol, patience.answer)
    finally:
        _hang_up(client)


async def greet(server: SmtpServer, patience: float) -> None:
    """Find out within `patience` seconds whether the server lets us in.

    Raises:
        TemporaryFailure: it doesn't, or nobody answers.
    """
    client = _client(server, "localhost", patience, None)
    try:
        with _explained():
            async with asyncio.timeout(patience):
                await client.connect()
    finally:
        _hang_up(client)


def _envelope(message: EmailMessage, recipient: str) -> _Envelope:
    try:
        sender: Address = message["From"].addresses[0]
        return _Envelope(sender, parse_address(recipient), serialise(message))
    except (BadAddress, UnsafeMessage) as error:
        raise PermanentFailure(str(error)) from error


def _client(server: SmtpServer, helo: str, timeout: float, tls: ssl.SSLContext | None) -> SMTP:
    return SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        tls_context=tls,
        local_hostname=helo,  # by default the host's full name, whose look-up can hang in DNS
        timeout=timeout,
    )


async def _ask_to_send(client: SMTP, envelope: _Envelope) -> None:
    """Come as far as 354; until then the server can't have taken the mail."""
    await client.mail(envelope.sender.addr_spec)
    await client.rcpt(envelope.recipient.addr_spec)
    code, text = await client.execute_command(b"DATA")
    if code != _GO_AHEAD:
        raise SMTPDataError(code, text)


def _hand_over(client: SMTP, octets: bytes) -> SMTPProtocol:
    """Write the whole content and the final dot, apart from waiting for the answer.

    The library's `data()` does both, and a connection lost in it could be either a mail never
    sent or a mail taken.
    """
    if client.protocol is None:
        raise SMTPServerDisconnected("Connection lost")
    client.protocol.write(_LINE_START_DOT.sub(b"..", octets) + b".\r\n")  # RFC 5321 4.5.2
    return client.protocol


async def _final_answer(protocol: SMTPProtocol, patience: float) -> Reply:
    try:
        code, text = await protocol.read_response(timeout=patience)
    except Exception as error:
        raise unconfirmed(error) from error
    answer = SMTPDataError(code, text)
    match code // 100:  # the first digit decides: RFC 5321 4.2.1
        case 2:
            return Reply(code, printable(text, LONGEST_TEXT))
        case 4 | 5:
            raise failure_of(answer)
    raise unconfirmed(answer)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise failure_of(error) from error


def _hang_up(client: SMTP) -> None:
    """Say QUIT without waiting for its answer, which changes nothing and may never come."""
    transport: Any = client.transport
    if transport is not None and not transport.is_closing():
        transport.write(b"QUIT\r\n")
        if transport.get_write_buffer_size():  # the server reads nothing: don't linger for it
            transport.abort()
    client.close()
