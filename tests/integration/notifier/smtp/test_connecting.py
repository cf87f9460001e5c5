"""What becomes of a mail in conversations with mail servers of all kinds."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from aiosmtpd import smtp as aiosmtpd

from services.notifier.mail.address import parse_address
from services.notifier.mail.message import Draft, Message, compose
from services.notifier.smtp.connecting import connect
from services.notifier.smtp.connection import Timeouts
from services.notifier.smtp.failures import PermanentFailure, TemporaryFailure
from services.notifier.smtp.replies import Reply
from services.notifier.smtp.url import Security, SmtpServer
from tests.support.certificates import LoopbackTls, loopback_tls
from tests.support.smtp_server import DROP, HANG, Act, SmtpTestServer, Step, smtp_server

ANN = "ann@example.org"
SLOW = Act("250 ok", delay=0.2)


@dataclass(frozen=True)
class Row:
    """One way a server can behave and what must be concluded; `None`: both are true."""

    name: str
    acts: dict[Step, Act] = field(default_factory=dict)
    outcome: Literal["taken", "temporary", "permanent"] = "temporary"
    ambiguous: bool | None = False
    says: str = ""
    security: Security = "none"
    offers_tls: bool = False
    trusted: bool = True
    password: str | None = None

    def timeouts(self) -> Timeouts:
        """Short where the server hangs, so that nothing depends on how fast a machine is."""
        hanging = {step for step, act in self.acts.items() if act.delay or act == HANG} - {"quit"}
        answer = 0.3 if hanging == {"content"} else 30.0
        waits = 0.3 if hanging - {"content"} else 30.0
        return Timeouts(waits, waits, answer)


ROWS = [
    Row("accepts", outcome="taken", says="2.0.0 taken as 42"),
    Row("no banner", {"banner": HANG}, says="not answer in time"),
    Row("drops at once", {"banner": DROP}, says="connection"),
    Row("421 banner", {"banner": Act("421 busy", "drop")}, says="421 busy"),
    Row("554 banner", {"banner": Act("554 no service", "drop")}, says="554 no service"),
    Row("refuses EHLO and HELO", {"ehlo": Act("550 go away")}, says="550 go away"),
    Row("452 at MAIL", {"mail": Act("452 disk full")}, says="452 disk full"),
    Row("550 at MAIL", {"mail": Act("550 not you")}, outcome="permanent", says="sender refused"),
    Row("530 at MAIL", {"mail": Act("530 log in first")}, says="530 log in first"),
    Row("450 at RCPT", {"rcpt": Act("450 grey")}, says="recipient refused: 450 grey"),
    Row("550 at RCPT", {"rcpt": Act("550 nobody")}, outcome="permanent", says="550 nobody"),
    Row("hangs at RCPT", {"rcpt": HANG}, says="not answer in time"),
    Row("554 at DATA", {"data": Act("554 no")}, outcome="permanent", says="mail refused: 554 no"),
    Row(
        "slow at every step",
        {
            "banner": Act("220 ok", delay=0.2),
            "mail": SLOW,
            "rcpt": SLOW,
            "data": Act("354 go", delay=0.2),
        },
        says="not answer in time",
    ),
    Row("hangs at DATA", {"data": HANG}, says="not answer in time"),
    Row("drops after 354", {"data": Act("354 go", "drop")}, ambiguous=None, says="connection"),
    Row("drops after the final dot", {"content": DROP}, ambiguous=True, says="connection"),
    Row("hangs after the final dot", {"content": HANG}, ambiguous=True, says="in time"),
    Row("garbage after the final dot", {"content": Act("?!")}, ambiguous=True, says="unreadable"),
    Row("354 after the final dot", {"content": Act("354 more")}, ambiguous=True, says="354 more"),
    Row("451 after data", {"content": Act("451 later")}, says="mail refused: 451 later"),
    Row("554 after data", {"content": Act("554 spam")}, outcome="permanent", says="554 spam"),
    Row("garbage as banner", {"banner": Act("\x00\xff?")}, says="unreadable"),
    Row("garbage at MAIL", {"mail": Act("HTTP/1.1 400 Bad")}, says="unreadable"),
    Row("endless line", {"mail": Act("250 " + "x" * 40_000)}, says="unreadable"),
    Row("QUIT hangs", {"quit": HANG}, outcome="taken"),
    Row("QUIT drops", {"quit": DROP}, outcome="taken"),
    Row("QUIT refused", {"quit": Act("500 stay")}, outcome="taken"),
    Row("drops right after 250", {"content": Act("250 ok", "drop")}, outcome="taken"),
    Row("STARTTLS", outcome="taken", security="starttls", offers_tls=True),
    Row("STARTTLS not offered", says="STARTTLS", security="starttls"),
    Row(
        "STARTTLS refused",
        {"starttls": Act("454 not now")},
        says="454 not now",
        security="starttls",
        offers_tls=True,
    ),
    Row(
        "bad certificate at STARTTLS",
        says="no secure connection",
        security="starttls",
        offers_tls=True,
        trusted=False,
    ),
    Row("TLS from the start", outcome="taken", security="tls", offers_tls=True),
    Row(
        "bad certificate from the start",
        says="no secure connection",
        security="tls",
        offers_tls=True,
        trusted=False,
    ),
    Row("right password", outcome="taken", password="right"),
    Row("wrong password", says="login refused: 535", password="wrong"),
    Row("hangs at login", {"auth": HANG}, says="in time", password="right"),
]


async def deliver(
    target: SmtpServer,
    message: Message,
    timeouts: Timeouts | None = None,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """Send a mail on a connection of its own."""
    connection = await connect(target, "prereview.example", timeouts=timeouts, tls=tls)
    try:
        return await connection.send(message)
    finally:
        connection.quit()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> LoopbackTls:
    return loopback_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def message() -> Message:
    return a_message("Hello.\n")


def a_message(text: str) -> Message:
    return compose(
        Draft(
            sender=parse_address("no-reply@prereview.example"),
            recipient=parse_address(ANN),
            subject="[Ready] main.py v1: 0 new, 0 fixed, 0 left",
            message_id="1@prereview.example",
            date=datetime(2026, 11, 22, tzinfo=UTC),
            text=text,
            html=f"<p>{text}</p>",
        )
    )


@pytest.mark.parametrize("pipelining", [False, True], ids=["one by one", "pipelining"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_the_outcome_is_what_happened(
    row: Row, message: Message, tls: LoopbackTls, pipelining: bool
) -> None:
    server = SmtpTestServer(
        acts=dict(row.acts),
        tls=tls.server if row.offers_tls else None,
        implicit_tls=row.security == "tls",
        login=("prereview", "right") if row.password else None,
        pipelining=pipelining,
    )
    async with smtp_server(server):
        outcome, ambiguous, words = await try_to_deliver(server, row, message, tls)
    assert (outcome, row.says in words) == (row.outcome, True), words
    assert row.ambiguous in (None, ambiguous)
    if row.outcome == "taken":
        assert [mail.recipients for mail in server.taken] == [[ANN]]
    elif not ambiguous:
        assert server.taken == []


async def try_to_deliver(
    server: SmtpTestServer, row: Row, message: Message, tls: LoopbackTls
) -> tuple[str, bool, str]:
    target = SmtpServer(
        "127.0.0.1",
        server.port,
        row.security,
        user="prereview" if row.password else None,
        password=row.password,
    )
    trust = tls.client if row.trusted else ssl.create_default_context()
    try:
        reply = await deliver(target, message, row.timeouts(), trust)
    except TemporaryFailure as failure:
        return "temporary", failure.ambiguous, failure.reason
    except PermanentFailure as failure:
        return "permanent", False, failure.reason
    return "taken", False, reply.text


@pytest.mark.parametrize(
    ("offered", "acts", "commands"),
    [
        (False, {}, ["EHLO"]),
        (False, {"ehlo": Act("502 what?")}, ["EHLO", "HELO"]),
        (True, {"starttls": Act("454 not now")}, ["EHLO", "STARTTLS"]),
        (True, {"starttls": Act("220 go", "drop")}, ["EHLO", "STARTTLS"]),
        (True, {"starttls": Act("220 go\r\n250 AUTH PLAIN", "hang")}, ["EHLO", "STARTTLS"]),
        (True, {}, ["EHLO", "STARTTLS"]),  # a certificate that nobody trusts
    ],
)
async def test_without_required_tls_no_command_follows(
    message: Message,
    tls: LoopbackTls,
    offered: bool,
    acts: dict[Step, Act],
    commands: list[str],
) -> None:
    server = SmtpTestServer(acts, tls.server if offered else None, login=("prereview", "secret"))
    async with smtp_server(server):
        target = SmtpServer("127.0.0.1", server.port, "starttls", "prereview", "secret")
        with pytest.raises(TemporaryFailure):
            await deliver(target, message, Timeouts(2.0, 2.0, 2.0))
    assert [line.split()[0] for line in server.commands] == commands


async def test_a_refused_connection_is_temporary(message: Message) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = SmtpServer("127.0.0.1", unused.getsockname()[1])
        with pytest.raises(TemporaryFailure, match="connection") as caught:
            await deliver(target, message)
    assert not caught.value.ambiguous


async def test_cancelled_while_the_server_hangs_leaves_no_connection(
    message: Message,
) -> None:
    server = SmtpTestServer(acts={"content": HANG})
    async with smtp_server(server):
        sending = asyncio.create_task(deliver(SmtpServer("127.0.0.1", server.port), message))
        while not server.seen:
            await asyncio.sleep(0.01)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


class Mailbox:
    """A handler for aiosmtpd that keeps what it is given."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, _server: object, _session: object, envelope: Any
    ) -> str:
        self.contents.append(envelope.content)
        return "250 kept"


@pytest.fixture
async def standard_server() -> AsyncIterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    server = await asyncio.get_running_loop().create_server(
        lambda: aiosmtpd.SMTP(mailbox, hostname="test"), "127.0.0.1", 0
    )
    yield mailbox, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("text", [".\n", "a\n.\nMAIL FROM:<x@y.z>\n..\n", "long " * 5000 + "\n"])
async def test_a_mail_arrives_octet_for_octet_at_another_implementation(
    text: str, standard_server: tuple[Mailbox, int]
) -> None:
    mailbox, port = standard_server
    message = a_message(text)
    reply = await deliver(SmtpServer("127.0.0.1", port), message)
    assert (reply.code, reply.text) == (250, "kept")
    assert mailbox.contents == [message.octets]
