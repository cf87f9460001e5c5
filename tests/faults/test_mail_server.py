"""The mail server of the runs says what it has refused, and when it can be used."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtplib import SMTP, SMTPRecipientsRefused

from deploy.local.ports import free_ports
from tests.faults.mail_server import MailServer

MAIL = "Subject: hello\r\nMessage-ID: <1@here>\r\n\r\nHello\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path, free_ports(1)[0])
    server.start()
    yield server
    server.stop()


async def test_refused_addresses_are_told_apart_from_accepted_mails(server: MailServer) -> None:
    await server.listening()
    async with SMTP(hostname="127.0.0.1", port=server.port) as smtp:
        await smtp.sendmail("we@here", ["ann@there"], MAIL)
    server.tell("5xx")
    for _ in range(2):
        async with SMTP(hostname="127.0.0.1", port=server.port) as smtp:
            with pytest.raises(SMTPRecipientsRefused):
                await smtp.sendmail("we@here", ["lea@there"], MAIL)
    assert [mail.to for mail in server.mails()] == ["ann@there"]
    assert server.refused == ["lea@there", "lea@there"]


async def test_a_server_that_is_not_there_is_not_waited_for_without_end(tmp_path: Path) -> None:
    absent = MailServer(tmp_path, free_ports(1)[0])
    with pytest.raises(AssertionError, match="mail server"):
        await asyncio.wait_for(absent.listening(0.3), 20)
