"""Several mails on one connection: what each reply means for which of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from services.notifier.mail.address import parse_address
from services.notifier.mail.message import Draft, Message, compose
from services.notifier.smtp.connecting import connect
from services.notifier.smtp.connection import Connection, ConnectionLimits, Timeouts
from services.notifier.smtp.failures import (
    ConnectionEnded,
    DeliveryFailure,
    PermanentFailure,
    TemporaryFailure,
)
from services.notifier.smtp.replies import ReplyReader
from services.notifier.smtp.url import SmtpServer
from tests.support.smtp_server import DROP, HANG, Act, SmtpTestServer, smtp_server
from tests.support.waiting import eventually

BOTH = pytest.mark.parametrize("pipelining", [False, True], ids=["one by one", "pipelining"])


def a_message(number: int = 1) -> Message:
    return compose(
        Draft(
            sender=parse_address("no-reply@prereview.example"),
            recipient=parse_address(f"ann{number}@example.org"),
            subject="Hello",
            message_id=f"{number}@prereview.example",
            date=datetime(2026, 11, 22, tzinfo=UTC),
            text="Hello.\n",
            html="<p>Hello.</p>",
        )
    )


@asynccontextmanager
async def connected(
    server: SmtpTestServer,
    timeouts: Timeouts | None = None,
    limits: ConnectionLimits | None = None,
) -> AsyncIterator[Connection]:
    async with smtp_server(server):
        target = SmtpServer("127.0.0.1", server.port)
        connection = await connect(target, "prereview.example", timeouts=timeouts, limits=limits)
        yield connection
        connection.quit()


async def sent(connection: Connection, number: int = 1) -> DeliveryFailure | None:
    try:
        await connection.send(a_message(number))
    except DeliveryFailure as failure:
        return failure
    return None


@BOTH
async def test_many_mails_go_over_one_connection_each_to_its_own_recipient(
    pipelining: bool,
) -> None:
    server = SmtpTestServer(pipelining=pipelining)
    async with connected(server) as connection:
        for number in range(20):
            assert await sent(connection, number) is None
        assert connection.usable
    assert [mail.recipients for mail in server.taken] == [
        [f"ann{n}@example.org"] for n in range(20)
    ]
    assert server.connections == 1
    assert "RSET" not in server.commands


@BOTH
async def test_quit_is_sent_at_the_end(pipelining: bool) -> None:
    server = SmtpTestServer(pipelining=pipelining)
    async with smtp_server(server):
        connection = await connect(SmtpServer("127.0.0.1", server.port), "prereview.example")
        assert await sent(connection) is None
        connection.quit()

        async def said() -> bool:
            return server.commands[-1] == "QUIT"

        await eventually(said)


class AcceptingTransport(asyncio.Transport):
    """Replies to each command in a write as a server does that accepts it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[list[bytes]] = []

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, ReplyReader)
        self._replies = protocol

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        is_content = bool(self.writes) and self.writes[-1][-1] == b"DATA"
        self.writes.append([b"."] if is_content else bytes(data).splitlines())
        for command in self.writes[-1]:
            self._replies.data_received(b"354 go\r\n" if command == b"DATA" else b"250 ok\r\n")


@pytest.mark.parametrize(("pipelining", "writes"), [(True, 1), (False, 3)])
async def test_commands_are_pipelined_only_where_the_server_offers_it(
    pipelining: bool, writes: int
) -> None:
    transport = AcceptingTransport()
    connection = Connection(transport, Timeouts(), pipelining=pipelining, limits=ConnectionLimits())
    assert await sent(connection) is None
    *commands, content = transport.writes
    assert content == [b"."]
    assert len(commands) == writes
    assert [c.split()[0] for write in commands for c in write] == [b"MAIL", b"RCPT", b"DATA"]


@BOTH
@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "content"])
@pytest.mark.parametrize("code", [450, 550])
async def test_a_mail_can_follow_a_refused_one(step: str, code: int, pipelining: bool) -> None:
    server = SmtpTestServer(pipelining=pipelining)
    server.acts[step] = Act(f"{code} no")  # type: ignore[index]
    if step in {"mail", "rcpt"}:
        server.acts["data"] = Act("503 whom to?")
    async with connected(server) as connection:
        failure = await sent(connection)
        assert isinstance(failure, PermanentFailure if code == 550 else TemporaryFailure)
        assert f"{code} no" in failure.reason
        assert server.taken == []
        server.acts.clear()
        assert connection.usable
        assert await sent(connection, 2) is None
    assert [mail.recipients for mail in server.taken] == [["ann2@example.org"]]
    assert server.connections == 1


@pytest.mark.parametrize("step", ["mail", "rcpt"])
async def test_no_content_is_sent_after_a_refusal_although_data_is_accepted(step: str) -> None:
    """RFC 2920 3.1: DATA was on its way already, and the server has accepted it."""
    server = SmtpTestServer(pipelining=True)
    server.acts[step] = Act("550 not to him")  # type: ignore[index]
    async with connected(server) as connection:
        failure = await sent(connection)
        assert isinstance(failure, PermanentFailure)
        assert "550 not to him" in failure.reason
        assert not connection.usable
        connection.quit()
        await asyncio.sleep(0.2)
    assert server.seen == []
    assert "QUIT" not in server.commands


@BOTH
@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("act", [DROP, Act("421 too many mails", "drop")], ids=["lost", "421"])
async def test_a_connection_that_ends_between_mails_does_not_fail_the_next_one(
    step: str, act: Act, pipelining: bool
) -> None:
    server = SmtpTestServer(pipelining=pipelining)
    async with connected(server) as connection:
        assert await sent(connection) is None
        server.acts[step] = act  # type: ignore[index]
        assert isinstance(await sent(connection, 2), ConnectionEnded)
        assert not connection.usable
    assert len(server.seen) == 1


@BOTH
async def test_a_connection_that_ends_before_the_first_mail_fails_that_mail(
    pipelining: bool,
) -> None:
    """Else a server that does so with everybody would be asked again and again."""
    server = SmtpTestServer(pipelining=pipelining)
    server.acts["mail"] = Act("421 too many", "drop")
    async with connected(server) as connection:
        failure = await sent(connection)
        assert isinstance(failure, TemporaryFailure)
        assert not isinstance(failure, ConnectionEnded)
        assert "421 too many" in failure.reason


@BOTH
async def test_a_connection_that_is_lost_after_the_final_dot_leaves_one_mail_in_doubt(
    pipelining: bool,
) -> None:
    server = SmtpTestServer(pipelining=pipelining)
    async with connected(server) as connection:
        assert await sent(connection) is None
        server.acts["content"] = DROP
        failure = await sent(connection, 2)
        assert isinstance(failure, TemporaryFailure)
        assert failure.ambiguous
        assert not connection.usable


@BOTH
async def test_421_after_the_final_dot_is_a_refusal_and_the_end_of_the_connection(
    pipelining: bool,
) -> None:
    server = SmtpTestServer(pipelining=pipelining)
    server.acts["content"] = Act("421 shutting down", "drop")
    async with connected(server) as connection:
        failure = await sent(connection)
        assert isinstance(failure, TemporaryFailure)
        assert not failure.ambiguous
        assert not connection.usable


@BOTH
async def test_after_a_timeout_the_connection_is_not_used_again(pipelining: bool) -> None:
    server = SmtpTestServer(pipelining=pipelining)
    server.acts["rcpt"] = HANG
    async with connected(server, Timeouts(5.0, 0.3, 5.0)) as connection:
        failure = await sent(connection)
        assert isinstance(failure, TemporaryFailure)
        assert not failure.ambiguous
        assert not connection.usable


@BOTH
@pytest.mark.parametrize("step", ["rcpt", "content"])
@pytest.mark.parametrize("reply", ["xyz\r\n250 ok", "554-no\r\n250 ok", "250-ok\r\nxyz\r\n250 ok"])
async def test_a_malformed_reply_is_a_failure(step: str, reply: str, pipelining: bool) -> None:
    server = SmtpTestServer(pipelining=pipelining)
    server.acts[step] = Act(reply)  # type: ignore[index]
    async with connected(server) as connection:
        failure = await sent(connection)
        assert isinstance(failure, TemporaryFailure)
        assert "unreadable answer" in failure.reason
        assert failure.ambiguous == (step == "content")
        assert not connection.usable
    assert len(server.seen) == (1 if step == "content" else 0)


async def test_an_unsolicited_reply_ends_the_connection() -> None:
    """A 250 in advance would be taken for the answer to the next mail."""
    server = SmtpTestServer()
    async with connected(server) as connection:
        server.acts["content"] = Act("250 taken\r\n250 and the next one, too")
        assert await sent(connection) is None
        await asyncio.sleep(0.1)
        assert not connection.usable


async def test_a_reply_to_content_that_was_not_sent_is_a_failure() -> None:
    server = SmtpTestServer(acts={"data": Act("354 go\r\n250 taken, I am sure")})
    async with connected(server) as connection:
        failure = await sent(connection)
        assert isinstance(failure, TemporaryFailure)
        assert not failure.ambiguous
    assert server.taken == []


async def test_a_connection_whose_rset_is_refused_is_not_used_again() -> None:
    server = SmtpTestServer(acts={"rcpt": Act("450 grey"), "rset": Act("502 what?")})
    async with connected(server) as connection:
        await sent(connection)
        assert isinstance(await sent(connection, 2), ConnectionEnded)
        assert not connection.usable


@BOTH
async def test_a_connection_is_used_for_a_number_of_mails(pipelining: bool) -> None:
    server = SmtpTestServer(pipelining=pipelining)
    async with connected(server, limits=ConnectionLimits(mails=3)) as connection:
        for number in range(3):
            assert connection.usable
            assert await sent(connection, number) is None
        assert not connection.usable


async def test_a_connection_is_used_for_a_number_of_seconds() -> None:
    async with connected(SmtpTestServer(), limits=ConnectionLimits(seconds=0.0)) as connection:
        assert not connection.usable
