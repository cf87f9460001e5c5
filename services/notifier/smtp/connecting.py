"""Connections to the mail server, opened by the library, with TLS and login where wanted."""

import asyncio
import ssl
from typing import cast

from aiosmtplib import SMTP, SMTPHeloError, SMTPServerDisconnected

from services.notifier.smtp.connection import Connection, Patience
from services.notifier.smtp.failures import connect_failure
from services.notifier.smtp.url import SmtpServer


async def connect(
    server: SmtpServer,
    helo: str,
    *,
    patience: Patience | None = None,
    tls: ssl.SSLContext | None = None,
) -> Connection:
    """A connection on which the server is ready to take mails.

    `helo` is the name that we give ourselves, `tls` replaces the system's trusted certificates.

    Raises:
        TemporaryFailure: the server doesn't let us in, or nobody answers.
    """
    patience = patience or Patience()
    client = _client(server, helo, patience.opening, tls)
    try:
        async with asyncio.timeout(patience.opening):
            await client.connect()
            await _introduce(client)
        return _taken_over(client, patience)
    except Exception as error:
        client.close()
        raise connect_failure(error) from error
    except BaseException:
        client.close()
        raise


def _taken_over(client: SMTP, patience: Patience) -> Connection:
    transport = client.protocol.transport if client.protocol else None
    if transport is None:
        raise SMTPServerDisconnected("Connection lost")
    pipelining = client.supports_extension("pipelining")
    return Connection(cast("asyncio.Transport", transport), patience, pipelining=pipelining)


async def greet(server: SmtpServer, patience: float) -> None:
    """Find out within `patience` seconds whether the server lets us in.

    Raises:
        TemporaryFailure: it doesn't, or nobody answers.
    """
    connection = await connect(server, "localhost", patience=Patience(opening=patience))
    connection.hang_up()


async def _introduce(client: SMTP) -> None:
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except SMTPHeloError:
            await client.helo()


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
