"""Two copies of the notifier: when one dies, the other sends its claimed mails at once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from email import message_from_bytes
from pathlib import Path
from subprocess import Popen
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from shared.contracts.notifier import EmailSent
from tests.integration.notifier.harness import ADDRESS, NotifierHarness
from tests.support.copies import end_sessions, wait_for_copies
from tests.support.databases import PrivateDatabase
from tests.support.events import checked
from tests.support.keys import Keys
from tests.support.running import running_copy, stand_in
from tests.support.smtp_server import Act
from tests.support.waiting import eventually

Start = Callable[..., Popen[bytes]]
GOES_ON = 5.0  # seconds
SOON = "0.2"  # seconds between two looks for due mail
CONTACT = {"email": ADDRESS, "language": "en", "time_zone": "UTC", "confirmed": True}


@pytest_asyncio.fixture
async def auth() -> AsyncIterator[str]:
    async def answer(_: str, asked: Any) -> Any:
        return {"contacts": [{**CONTACT, "user_id": user_id} for user_id in asked["user_ids"]]}

    async with stand_in(answer) as url:
        yield url


@pytest.fixture
def start(
    notifier: NotifierHarness,
    auth: str,
    fresh_postgres: PrivateDatabase,
    keys: Keys,
    tmp_path: Path,
) -> Iterator[Start]:
    """Starts copies; they poll once a minute, or at the given interval in seconds."""
    database_url = fresh_postgres.url("notifier")

    def start(interval: str = "60") -> Popen[bytes]:
        smtp = f"smtp://127.0.0.1:{notifier.smtp.port}"
        variables = {"AUTH_URL": auth, "SMTP_URL": smtp, "MAIL_INTERVAL": interval}
        return stack.enter_context(
            running_copy("notifier", keys, database_url, tmp_path / "log", **variables)
        )

    with ExitStack() as stack:
        yield start


@pytest_asyncio.fixture
async def first(notifier: NotifierHarness, start: Start) -> Popen[bytes]:
    """The one of two copies that takes a mail first."""
    notifier.now = notifier.now.now(notifier.now.tzinfo)
    first, _ = start(SOON), start()
    await wait_for_copies(notifier.database, 2)
    return first


async def _seen(notifier: NotifierHarness, mails: int) -> None:
    async def seen() -> bool:
        return len(notifier.smtp.seen) == mails

    await eventually(seen, 10)


async def test_a_mail_whose_sender_was_killed_is_sent_again_at_once(
    notifier: NotifierHarness, first: Popen[bytes]
) -> None:
    notifier.smtp.acts["content"] = Act("250 2.0.0 taken", delay=30)
    mail_id = await notifier.queue_result(checked(uuid4()))
    await _seen(notifier, 1)
    del notifier.smtp.acts["content"]
    os.kill(first.pid, signal.SIGKILL)

    async def is_sent() -> bool:
        return isinstance((await notifier.events(mail_id))[-1], EmailSent)

    await eventually(is_sent, GOES_ON)
    _, sent = await notifier.events(mail_id)
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 2
    ids = [message_from_bytes(mail.content)["Message-ID"] for mail in notifier.smtp.seen]
    assert ids == [sent.message_id] * 2


async def test_a_sender_that_only_lost_its_session_is_left_alone(
    notifier: NotifierHarness, first: Popen[bytes], fresh_postgres: PrivateDatabase
) -> None:
    assert first.poll() is None
    notifier.smtp.acts["content"] = Act("250 2.0.0 taken", delay=6)
    mail_id = await notifier.queue_result(checked(uuid4()))
    await _seen(notifier, 1)
    for _ in range(2):
        await end_sessions(fresh_postgres)
        await wait_for_copies(notifier.database, 2)
        await asyncio.sleep(2)
    await eventually(lambda: _is_closed(notifier, mail_id))
    _, sent = await notifier.events(mail_id)
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 1
    assert len(notifier.smtp.seen) == 1


@pytest.mark.parametrize("second", ["250 2.0.0 taken", "550 nobody here"])
async def test_what_the_server_took_from_a_frozen_sender_is_recorded_as_sent(
    notifier: NotifierHarness, first: Popen[bytes], fresh_postgres: PrivateDatabase, second: str
) -> None:
    """Also when another copy has sent the mail, or given it up, meanwhile."""
    notifier.smtp.acts["content"] = Act("250 2.0.0 taken", delay=1)
    mail_id = await notifier.queue_result(checked(uuid4()))
    await _seen(notifier, 1)
    os.kill(first.pid, signal.SIGSTOP)
    await end_sessions(fresh_postgres, of="notifier.mails")
    notifier.smtp.acts["content"] = Act(second)
    await _seen(notifier, 2)
    await eventually(lambda: _is_closed(notifier, mail_id))
    os.kill(first.pid, signal.SIGCONT)
    await wait_for_copies(notifier.database, 2)

    async def is_sent() -> bool:
        return bool((await notifier.row(mail_id))["state"] == "sent")

    await eventually(is_sent)
    await asyncio.sleep(1)
    sent = [event for event in await notifier.events(mail_id) if isinstance(event, EmailSent)]
    assert len(sent) == 1
    assert sent[0].attempts == (2 if second.startswith("2") else 1)
    assert (await notifier.row(mail_id))["due_at"] is None


async def test_a_frozen_sender_whose_mail_was_refused_says_nothing_more(
    notifier: NotifierHarness, first: Popen[bytes], fresh_postgres: PrivateDatabase
) -> None:
    notifier.smtp.acts["content"] = Act("451 later", delay=1)
    mail_id = await notifier.queue_result(checked(uuid4()))
    await _seen(notifier, 1)
    os.kill(first.pid, signal.SIGSTOP)
    await end_sessions(fresh_postgres, of="notifier.mails")
    notifier.smtp.acts["content"] = Act("250 2.0.0 taken", delay=4)
    await _seen(notifier, 2)
    os.kill(first.pid, signal.SIGCONT)
    await eventually(lambda: _is_closed(notifier, mail_id))
    assert [type(event).__name__ for event in await notifier.events(mail_id)] == [
        "EmailQueued",
        "EmailSent",
    ]


async def _is_closed(notifier: NotifierHarness, mail_id: Any) -> bool:
    return (await notifier.row(mail_id))["state"] in {"sent", "failed"}
