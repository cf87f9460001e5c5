"""Each check leads to one mail, and to an event that says what became of it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.notifier.claims.due_mails import LEASE, DueMail
from services.notifier.mail.message import Message
from services.notifier.recording.outcomes import INTERNAL_ERROR
from services.notifier.sending.composing import Composer
from services.notifier.sending.sender import Sender
from services.notifier.smtp.connection import Connection
from services.notifier.smtp.replies import Reply
from shared.contracts.auth import AccountMailRequested
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.http.auth import AccountMail, Contact
from shared.contracts.notifier import EmailFailed, EmailQueued, EmailSent, EmailSuppressed
from shared.db import Database
from shared.errors import NotFound, Unavailable
from shared.web.client import ServiceUnavailable
from tests.integration.notifier.harness import ADDRESS, NotifierHarness
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN, check_failed, checked
from tests.support.proxy import proxy_to
from tests.support.smtp_server import Act


@pytest.mark.parametrize("make", [checked, check_failed], ids=["checked", "failed"])
async def test_a_check_leads_to_one_mail_that_is_sent_once(
    notifier: NotifierHarness, make: Callable[[UUID], FileChecked | CheckFailed]
) -> None:
    mail_id = await notifier.queue_result(make(uuid4()), times=3)
    sender = notifier.sender()
    assert await sender.step()
    assert not await sender.step()
    [mail] = notifier.smtp.taken
    assert mail.recipients == [ADDRESS]
    queued, sent = await notifier.events(mail_id)
    assert isinstance(queued, EmailQueued)
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 1
    assert sent.reply == "250 2.0.0 taken as 42"
    assert sent.sent_at == notifier.now
    assert sent.message_id == message_from_bytes(mail.content)["Message-ID"]
    assert (await notifier.row(mail_id))["state"] == "sent"


async def test_a_mail_is_not_sent_before_the_server_says_so(notifier: NotifierHarness) -> None:
    """The whole mail has arrived, and then the server refuses it."""
    notifier.smtp.acts["content"] = Act("451 disk full")
    mail_id = await notifier.queue_result(checked(uuid4()))
    assert await notifier.sender().step()
    assert len(notifier.smtp.seen) == 1
    _, failed = await notifier.events(mail_id)
    assert isinstance(failed, EmailFailed)
    assert (await notifier.row(mail_id))["state"] == "queued"


async def test_after_a_temporary_failure_the_mail_is_tried_at_the_recorded_time(
    notifier: NotifierHarness,
) -> None:
    notifier.smtp.acts["rcpt"] = Act("450 grey")
    mail_id = await notifier.queue_result(checked(uuid4()))
    sender = notifier.sender()
    for number, minutes in enumerate((1, 5, 15, 60, 240, 240), start=1):
        assert await sender.step()
        failed = (await notifier.events(mail_id))[-1]
        assert isinstance(failed, EmailFailed)
        assert failed.attempts == number
        assert failed.next_attempt_at == notifier.now + timedelta(minutes=minutes)
        notifier.now = failed.next_attempt_at - timedelta(seconds=1)
        assert not await sender.step()
        notifier.now += timedelta(seconds=1)
    del notifier.smtp.acts["rcpt"]
    assert await sender.step()
    sent = (await notifier.events(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 7
    assert len(notifier.smtp.taken) == 1


async def test_after_two_days_a_mail_is_given_up(notifier: NotifierHarness) -> None:
    notifier.smtp.acts["rcpt"] = Act("450 grey")
    mail_id = await notifier.queue_result(checked(uuid4()))
    notifier.now += timedelta(hours=47, minutes=59, seconds=30)
    assert await notifier.sender().step()
    failed = (await notifier.events(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at is None
    notifier.now += timedelta(days=365)
    assert not await notifier.sender().step()
    assert (await notifier.row(mail_id))["state"] == "failed"


async def test_after_a_permanent_refusal_there_is_no_further_attempt(
    notifier: NotifierHarness,
) -> None:
    notifier.smtp.acts["rcpt"] = Act("550 no such person")
    mail_id = await notifier.queue_result(checked(uuid4()))
    assert await notifier.sender().step()
    failed = (await notifier.events(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at is None
    assert "550" in failed.reason
    notifier.now += timedelta(days=3)
    assert not await notifier.sender().step()
    assert notifier.smtp.taken == []


async def test_a_mail_to_a_user_who_is_gone_is_suppressed(notifier: NotifierHarness) -> None:
    notifier.auth.error = NotFound()
    mail_id = await notifier.queue_result(checked(uuid4()))
    assert await notifier.sender().step()
    suppressed = (await notifier.events(mail_id))[-1]
    assert isinstance(suppressed, EmailSuppressed)
    assert suppressed.reason == "user_unknown"
    assert notifier.smtp.connections == 0
    assert not await notifier.sender().step()


async def test_while_auth_is_away_no_attempt_counts(notifier: NotifierHarness) -> None:
    notifier.auth.error = ServiceUnavailable()
    mail_id = await notifier.queue_result(checked(uuid4()))
    for _ in range(3):
        with pytest.raises(Unavailable):
            await notifier.sender().step()
        notifier.now += timedelta(seconds=6)
    row = await notifier.row(mail_id)
    assert (row["state"], row["attempts"]) == ("queued", 0)
    notifier.auth.error = None
    assert await notifier.sender().step()
    sent = (await notifier.events(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 1


async def test_while_the_mail_server_is_away_mails_wait(notifier: NotifierHarness) -> None:
    mails = [await notifier.queue_result(checked(uuid4())) for _ in range(3)]
    await notifier.smtp.stop()
    sender = notifier.sender()
    while await sender.step():
        pass
    assert {(await notifier.row(mail_id))["state"] for mail_id in mails} == {"queued"}
    await notifier.smtp.start()
    notifier.now += timedelta(minutes=2)
    while await sender.step():
        pass
    assert len(notifier.smtp.taken) == 3
    assert {(await notifier.row(mail_id))["state"] for mail_id in mails} == {"sent"}


async def test_a_crash_after_the_server_accepted_it_shows_as_a_second_attempt(
    notifier: NotifierHarness,
) -> None:
    """At most one duplicate, with the same Message-ID; never none."""
    mail_id, recorder = await notifier.queue_result(checked(uuid4())), notifier.hanging_recorder()
    dying = notifier.sender(recorder=recorder)
    step = asyncio.create_task(dying.step())
    await asyncio.wait_for(recorder.reached.wait(), 10)
    step.cancel()
    await dying.kill()
    assert (await notifier.row(mail_id))["state"] == "sending"
    assert len(await notifier.events(mail_id)) == 1  # nothing is claimed that is not known
    other_copy = notifier.sender()
    assert not await other_copy.step()
    notifier.now += LEASE + timedelta(seconds=1)
    assert await other_copy.step()
    assert not await other_copy.step()
    sent = (await notifier.events(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 2
    ids = [message_from_bytes(mail.content)["Message-ID"] for mail in notifier.smtp.taken]
    assert ids == [sent.message_id] * 2


async def test_two_senders_never_send_one_mail_twice(notifier: NotifierHarness) -> None:
    mails = [await notifier.queue_result(checked(uuid4())) for _ in range(12)]

    async def work(sender: Sender) -> None:
        while await sender.step():
            pass

    await asyncio.gather(*(work(notifier.sender()) for _ in range(3)))
    assert len(notifier.smtp.taken) == 12
    ids = {message_from_bytes(mail.content)["Message-ID"] for mail in notifier.smtp.taken}
    assert len(ids) == 12
    assert {(await notifier.row(mail_id))["state"] for mail_id in mails} == {"sent"}


async def test_an_accepted_mail_is_recorded_after_an_outage_of_the_database(
    notifier: NotifierHarness, fresh_postgres: PrivateDatabase
) -> None:
    mail_id = await notifier.queue_result(checked(uuid4()))
    async with proxy_to(fresh_postgres.url("notifier")) as (proxy, url):
        database = Database(url)
        notifier.smtp.acts["content"] = Act("250 2.0.0 taken as 42", delay=1)
        sending = asyncio.create_task(notifier.sender(database).step())
        async with asyncio.timeout(10):
            while not notifier.smtp.seen:
                await asyncio.sleep(0.02)
            await proxy.cut()
            while not notifier.smtp.taken:
                await asyncio.sleep(0.02)
        await proxy.mend()
        assert await asyncio.wait_for(sending, 15)
        await database.close()
    sent = (await notifier.events(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 1
    assert len(notifier.smtp.taken) == 1


async def test_the_address_is_kept_nowhere(notifier: NotifierHarness) -> None:
    """Also where the server repeats it."""
    notifier.smtp.acts["rcpt"] = Act(f"450 <{ADDRESS}>: grey")
    notifier.smtp.acts["content"] = Act(f"250 queued for {ADDRESS.upper()}")
    await notifier.queue_result(checked(uuid4()))
    await notifier.sender().step()
    notifier.now += timedelta(minutes=2)
    del notifier.smtp.acts["rcpt"]
    await notifier.sender().step()
    assert ADDRESS not in (await notifier.dump()).lower()


async def test_times_are_those_of_the_clock(notifier: NotifierHarness) -> None:
    notifier.now = datetime(2999, 12, 31, tzinfo=UTC)
    mail_id = await notifier.queue_result(checked(uuid4()))
    assert await notifier.sender().step()
    sent = (await notifier.events(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.sent_at == notifier.now


async def test_a_mail_that_is_settled_keeps_no_findings(notifier: NotifierHarness) -> None:
    sent = await notifier.queue_result(checked(uuid4()))
    assert (await notifier.row(sent))["result"]["findings"]
    await notifier.send_all()
    notifier.smtp.acts["rcpt"] = Act("450 grey")
    waiting = await notifier.queue_result(checked(uuid4()))
    await notifier.send_all()
    notifier.smtp.acts["rcpt"] = Act("550 nobody")
    refused = await notifier.queue_result(checked(uuid4()))
    await notifier.send_all()
    notifier.auth.error = NotFound()
    suppressed = await notifier.queue_result(checked(uuid4()))
    await notifier.send_all()
    for mail_id in (sent, refused, suppressed):
        assert (await notifier.row(mail_id))["result"] == {}
    assert (await notifier.row(waiting))["result"]["findings"]


async def test_an_error_of_composing_fails_one_mail(notifier: NotifierHarness) -> None:
    compose, errors = Composer("p@example.org", "https://p.example").compose, [_personal_error()]

    def fail_once(mail: DueMail, reader: Contact | AccountMail, now: datetime) -> Message:
        if errors:
            raise errors.pop()
        return compose(mail, reader, now)

    await _has_one_internal_error(notifier, notifier.sender(compose=fail_once))


async def test_an_error_of_the_connection_fails_one_mail(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, errors = Connection.send, [_personal_error()]

    async def fail_once(self: Connection, message: Message) -> Reply:
        if errors:
            raise errors.pop()
        return await send(self, message)

    monkeypatch.setattr(Connection, "send", fail_once)
    await _has_one_internal_error(notifier, notifier.sender())


def _personal_error() -> Exception:
    return RuntimeError(f"line 7 of main.py, {ADDRESS}")


async def _has_one_internal_error(notifier: NotifierHarness, sender: Sender) -> None:
    """The error's message, perhaps a line of somebody's file, is not recorded."""
    broken, later = [await notifier.queue_result(checked(uuid4())) for _ in range(2)]
    assert await sender.step()
    assert await sender.step()
    assert not await sender.step()
    failed = (await notifier.events(broken))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.reason == INTERNAL_ERROR
    assert failed.attempts == 1
    assert failed.next_attempt_at == notifier.now + timedelta(minutes=1)
    assert isinstance((await notifier.events(later))[-1], EmailSent)
    notifier.now += timedelta(minutes=2)
    assert await sender.step()
    assert isinstance((await notifier.events(broken))[-1], EmailSent)
    assert len(notifier.smtp.taken) == 2


async def test_an_unreadable_result_fails_only_its_own_mail(notifier: NotifierHarness) -> None:
    """The row holds something else than today's code expects."""
    unreadable, later = (
        await notifier.queue_result(checked(uuid4())),
        await notifier.queue_result(checked(uuid4())),
    )
    async with notifier.database.transaction() as connection:
        await connection.execute(
            text(
                "UPDATE mails SET result = jsonb_build_object('secret', 'mine') WHERE mail_id = :id"
            ),
            {"id": unreadable},
        )
    await notifier.send_all()
    failed = (await notifier.events(unreadable))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.reason == INTERNAL_ERROR
    assert isinstance((await notifier.events(later))[-1], EmailSent)


async def test_mails_about_accounts_are_sent_first(notifier: NotifierHarness) -> None:
    await notifier.queue_result(checked(uuid4()))
    await notifier.queue_account_mail(
        AccountMailRequested(user_id=ANN, request_id=uuid4(), kind="reset_password")
    )
    await notifier.send_all()
    subjects = [message_from_bytes(mail.content)["Subject"] for mail in notifier.smtp.taken]
    assert subjects[0] == "Choose a new password"
    assert len(subjects) == 2


async def test_a_copy_that_was_frozen_too_long_changes_nothing(
    notifier: NotifierHarness,
) -> None:
    """It wakes up when another copy is sending the mail already."""
    mail_id = await notifier.queue_result(checked(uuid4()))
    find, woken, answered = notifier.auth.find_one, asyncio.Event(), asyncio.Event()

    async def sleep_and_fail(user_id: UUID) -> Contact:
        await woken.wait()
        raise ServiceUnavailable

    async def find_late(user_id: UUID) -> Contact:
        await answered.wait()
        return await find(user_id)

    notifier.auth.find_one = sleep_and_fail  # type: ignore[method-assign]
    sleeper = asyncio.create_task(notifier.sender().step())
    await _until_attempt(notifier, mail_id, 1)
    notifier.now += LEASE + timedelta(seconds=1)
    notifier.auth.find_one = find_late  # type: ignore[method-assign]
    sending = asyncio.create_task(notifier.sender().step())
    await _until_attempt(notifier, mail_id, 2)
    woken.set()
    with pytest.raises(Unavailable):
        await sleeper
    row = await notifier.row(mail_id)
    assert (row["state"], row["attempts"]) == ("sending", 2)
    answered.set()
    assert await sending
    assert (await notifier.row(mail_id))["state"] == "sent"
    assert len(notifier.smtp.taken) == 1


async def _until_attempt(notifier: NotifierHarness, mail_id: UUID, number: int) -> None:
    async with asyncio.timeout(10):
        while (await notifier.row(mail_id))["attempts"] < number:
            await asyncio.sleep(0.01)
