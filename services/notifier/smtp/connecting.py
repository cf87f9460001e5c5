"""Opens connections to the mail server with aiosmtplib, with TLS and login where configured."""

import asyncio
import ssl
from typing import cast

from aiosmtplib import SMTP, SMTPHeloError, SMTPServerDisconnected

from services.notifier.smtp.connection import Connection, ConnectionLimits, Timeouts
from services.notifier.smtp.failures import connect_failure
from services.notifier.smtp.url import SmtpServer


async def connect(
    server: SmtpServer,
    helo: str,
    *,
    timeouts: Timeouts | None = None,
    limits: ConnectionLimits | None = None,
    tls: ssl.SSLContext | None = None,
) -> Connection:
    """A connection on which the server is ready to take mails.

    `helo` is the name sent in EHLO, `tls` replaces the system's trusted certificates.

    Raises:
        TemporaryFailure: the server refuses the connection, or can't be reached.
    """
    timeouts = timeouts or Timeouts()
    client = _client(server, helo, timeouts.connect, tls)
    try:
        async with asyncio.timeout(timeouts.connect):
            await client.connect()
            await _say_hello(client)
        return _take_over(client, timeouts, limits or ConnectionLimits())
    except Exception as error:
        client.close()
        raise connect_failure(error) from error
    except BaseException:
        client.close()
        raise


def _take_over(client: SMTP, timeouts: Timeouts, limits: ConnectionLimits) -> Connection:
    transport = client.protocol.transport if client.protocol else None
    if transport is None:
        raise SMTPServerDisconnected("Connection lost")
    pipelining = client.supports_extension("pipelining")
    return Connection(
        cast("asyncio.Transport", transport), timeouts, pipelining=pipelining, limits=limits
    )


async def try_connection(server: SmtpServer, timeout: float) -> None:  # noqa: ASYNC109
    """Open a connection within `timeout` seconds and close it.

    Raises:
        TemporaryFailure: the server refuses it, or can't be reached.
    """
    connection = await connect(server, "localhost", timeouts=Timeouts(connect=timeout))
    connection.quit()


async def _say_hello(client: SMTP) -> None:
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
