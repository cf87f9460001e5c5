"""A mail for each check, and the truth about what became of it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.notifier.claims.due_mails import LEASE
from services.notifier.recording.failed_outcomes import OUR_FAULT
from services.notifier.sending import delivery
from services.notifier.sending.sender import Sender
from services.notifier.smtp.connection import Connection
from shared.contracts.auth import AccountMailRequested
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.http.auth import Contact
from shared.contracts.notifier import EmailFailed, EmailQueued, EmailSent, EmailSuppressed
from shared.db import Database
from shared.errors import NotFound, Unavailable
from shared.web.client import ServiceAway
from tests.integration.notifier.story import ADDRESS, Story
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN, check_failed, checked
from tests.support.proxy import proxy_to
from tests.support.smtp_server import Act


@pytest.mark.parametrize("make", [checked, check_failed], ids=["checked", "failed"])
async def test_a_check_leads_to_one_mail_that_is_sent_once(
    story: Story, make: Callable[[UUID], FileChecked | CheckFailed]
) -> None:
    mail_id = await story.happen(make(uuid4()), times=3)
    sender = story.sender()
    assert await sender.step()
    assert not await sender.step()
    [mail] = story.smtp.taken
    assert mail.recipients == [ADDRESS]
    queued, sent = await story.life(mail_id)
    assert isinstance(queued, EmailQueued)
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 1
    assert sent.reply == "250 2.0.0 taken as 42"
    assert sent.sent_at == story.now
    assert sent.message_id == message_from_bytes(mail.content)["Message-ID"]
    assert (await story.row(mail_id))["state"] == "sent"


async def test_a_mail_is_not_sent_before_the_server_says_so(story: Story) -> None:
    """The whole mail has arrived, and then the server refuses it."""
    story.smtp.acts["content"] = Act("451 disk full")
    mail_id = await story.happen(checked(uuid4()))
    assert await story.sender().step()
    assert len(story.smtp.seen) == 1
    _, failed = await story.life(mail_id)
    assert isinstance(failed, EmailFailed)
    assert (await story.row(mail_id))["state"] == "queued"


async def test_after_a_temporary_failure_the_mail_is_tried_at_the_time_that_was_told(
    story: Story,
) -> None:
    story.smtp.acts["rcpt"] = Act("450 grey")
    mail_id = await story.happen(checked(uuid4()))
    sender = story.sender()
    for number, minutes in enumerate((1, 5, 15, 60, 240, 240), start=1):
        assert await sender.step()
        failed = (await story.life(mail_id))[-1]
        assert isinstance(failed, EmailFailed)
        assert failed.attempts == number
        assert failed.next_attempt_at == story.now + timedelta(minutes=minutes)
        story.now = failed.next_attempt_at - timedelta(seconds=1)
        assert not await sender.step()
        story.now += timedelta(seconds=1)
    del story.smtp.acts["rcpt"]
    assert await sender.step()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 7
    assert len(story.smtp.taken) == 1


async def test_after_two_days_it_is_given_up_and_said(story: Story) -> None:
    story.smtp.acts["rcpt"] = Act("450 grey")
    mail_id = await story.happen(checked(uuid4()))
    story.now += timedelta(hours=47, minutes=59, seconds=30)
    assert await story.sender().step()
    failed = (await story.life(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at is None
    story.now += timedelta(days=365)
    assert not await story.sender().step()
    assert (await story.row(mail_id))["state"] == "failed"


async def test_a_permanent_refusal_is_the_end(story: Story) -> None:
    story.smtp.acts["rcpt"] = Act("550 no such person")
    mail_id = await story.happen(checked(uuid4()))
    assert await story.sender().step()
    failed = (await story.life(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at is None
    assert "550" in failed.reason
    story.now += timedelta(days=3)
    assert not await story.sender().step()
    assert story.smtp.taken == []


async def test_a_person_who_is_gone_gets_nothing(story: Story) -> None:
    story.auth.error = NotFound()
    mail_id = await story.happen(checked(uuid4()))
    assert await story.sender().step()
    suppressed = (await story.life(mail_id))[-1]
    assert isinstance(suppressed, EmailSuppressed)
    assert suppressed.reason == "user_unknown"
    assert story.smtp.connections == 0
    assert not await story.sender().step()


async def test_while_auth_is_away_no_attempt_counts(story: Story) -> None:
    story.auth.error = ServiceAway()
    mail_id = await story.happen(checked(uuid4()))
    for _ in range(3):
        with pytest.raises(Unavailable):
            await story.sender().step()
        story.now += timedelta(seconds=6)
    row = await story.row(mail_id)
    assert (row["state"], row["attempts"]) == ("queued", 0)
    story.auth.error = None
    assert await story.sender().step()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 1


async def test_while_the_mail_server_is_away_mails_wait(story: Story) -> None:
    mails = [await story.happen(checked(uuid4())) for _ in range(3)]
    await story.smtp.stop()
    sender = story.sender()
    while await sender.step():
        pass
    assert {(await story.row(mail_id))["state"] for mail_id in mails} == {"queued"}
    await story.smtp.start()
    story.now += timedelta(minutes=2)
    while await sender.step():
        pass
    assert len(story.smtp.taken) == 3
    assert {(await story.row(mail_id))["state"] for mail_id in mails} == {"sent"}


async def test_a_crash_after_the_server_took_it_shows_as_a_second_attempt(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most one duplicate, with the same Message-ID; never none."""
    mail_id, dying = await story.happen(checked(uuid4())), story.sender()
    told = asyncio.Event()

    async def die(*_: object) -> None:
        told.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(dying._outcomes._recorder, "record", die)
    step = asyncio.create_task(dying.step())
    await asyncio.wait_for(told.wait(), 10)
    step.cancel()
    await dying.abandon()
    assert (await story.row(mail_id))["state"] == "sending"
    assert len(await story.life(mail_id)) == 1  # nothing is claimed that is not known
    heir = story.sender()
    assert not await heir.step()
    story.now += LEASE + timedelta(seconds=1)
    assert await heir.step()
    assert not await heir.step()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 2
    ids = [message_from_bytes(mail.content)["Message-ID"] for mail in story.smtp.taken]
    assert ids == [sent.message_id] * 2


async def test_two_senders_never_send_one_mail_twice(story: Story) -> None:
    mails = [await story.happen(checked(uuid4())) for _ in range(12)]

    async def work(sender: Sender) -> None:
        while await sender.step():
            pass

    await asyncio.gather(*(work(story.sender()) for _ in range(3)))
    assert len(story.smtp.taken) == 12
    ids = {message_from_bytes(mail.content)["Message-ID"] for mail in story.smtp.taken}
    assert len(ids) == 12
    assert {(await story.row(mail_id))["state"] for mail_id in mails} == {"sent"}


async def test_a_mail_that_was_taken_while_the_database_went_away_is_remembered(
    story: Story, fresh_postgres: PrivateDatabase
) -> None:
    mail_id = await story.happen(checked(uuid4()))
    async with proxy_to(fresh_postgres.url("notifier")) as (proxy, url):
        database = Database(url)
        story.smtp.acts["content"] = Act("250 2.0.0 taken as 42", delay=1)
        sending = asyncio.create_task(story.sender(database).step())
        async with asyncio.timeout(10):
            while not story.smtp.seen:
                await asyncio.sleep(0.02)
            await proxy.cut()
            while not story.smtp.taken:
                await asyncio.sleep(0.02)
        await proxy.mend()
        assert await asyncio.wait_for(sending, 15)
        await database.close()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 1
    assert len(story.smtp.taken) == 1


async def test_the_address_is_kept_nowhere(story: Story) -> None:
    """Also where the server repeats it."""
    story.smtp.acts["rcpt"] = Act(f"450 <{ADDRESS}>: grey")
    story.smtp.acts["content"] = Act(f"250 queued for {ADDRESS.upper()}")
    await story.happen(checked(uuid4()))
    await story.sender().step()
    story.now += timedelta(minutes=2)
    del story.smtp.acts["rcpt"]
    await story.sender().step()
    assert ADDRESS not in (await story.everything_kept()).lower()


async def test_times_are_those_of_the_clock(story: Story) -> None:
    story.now = datetime(2999, 12, 31, tzinfo=UTC)
    mail_id = await story.happen(checked(uuid4()))
    assert await story.sender().step()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.sent_at == story.now


async def test_a_mail_that_is_settled_keeps_no_findings(story: Story) -> None:
    sent = await story.happen(checked(uuid4()))
    assert (await story.row(sent))["result"]["findings"]
    await story.send_all()
    story.smtp.acts["rcpt"] = Act("450 grey")
    waiting = await story.happen(checked(uuid4()))
    await story.send_all()
    story.smtp.acts["rcpt"] = Act("550 nobody")
    refused = await story.happen(checked(uuid4()))
    await story.send_all()
    story.auth.error = NotFound()
    suppressed = await story.happen(checked(uuid4()))
    await story.send_all()
    for mail_id in (sent, refused, suppressed):
        assert (await story.row(mail_id))["result"] == {}
    assert (await story.row(waiting))["result"]["findings"]


@pytest.mark.parametrize(("place", "part"), [(delivery, "write"), (Connection, "send")])
async def test_a_fault_of_ours_ends_in_the_log_and_the_loop_goes_on(
    story: Story, monkeypatch: pytest.MonkeyPatch, place: object, part: str
) -> None:
    """And what it says, perhaps a line of somebody's file, stays out of it."""
    broken, later = await story.happen(checked(uuid4())), await story.happen(checked(uuid4()))
    sender, real = story.sender(), getattr(place, part)

    def fail(*args: object, **kwargs: object) -> object:
        monkeypatch.setattr(place, part, real)
        raise RuntimeError(f"line 7 of main.py, {ADDRESS}")

    monkeypatch.setattr(place, part, fail)
    assert await sender.step()
    assert await sender.step()
    assert not await sender.step()
    failed = (await story.life(broken))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.reason == OUR_FAULT
    assert failed.attempts == 1
    assert failed.next_attempt_at == story.now + timedelta(minutes=1)
    assert isinstance((await story.life(later))[-1], EmailSent)
    story.now += timedelta(minutes=2)
    assert await sender.step()
    assert isinstance((await story.life(broken))[-1], EmailSent)
    assert len(story.smtp.taken) == 2


async def test_a_result_that_nobody_can_read_harms_no_neighbour(story: Story) -> None:
    """The row holds something else than today's code expects."""
    unreadable, later = await story.happen(checked(uuid4())), await story.happen(checked(uuid4()))
    async with story.database.transaction() as connection:
        await connection.execute(
            text(
                "UPDATE mails SET result = jsonb_build_object('secret', 'mine') WHERE mail_id = :id"
            ),
            {"id": unreadable},
        )
    await story.send_all()
    failed = (await story.life(unreadable))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.reason == OUR_FAULT
    assert isinstance((await story.life(later))[-1], EmailSent)


async def test_whoever_waits_before_a_screen_is_written_to_first(story: Story) -> None:
    await story.happen(checked(uuid4()))
    await story.request(
        AccountMailRequested(user_id=ANN, request_id=uuid4(), kind="reset_password")
    )
    await story.send_all()
    subjects = [message_from_bytes(mail.content)["Subject"] for mail in story.smtp.taken]
    assert subjects[0] == "Choose a new password"
    assert len(subjects) == 2


async def test_a_sender_that_was_stopped_too_long_disturbs_nobody(story: Story) -> None:
    """It wakes up when another copy is sending the mail already."""
    mail_id = await story.happen(checked(uuid4()))
    find, woken, answered = story.auth.find_one, asyncio.Event(), asyncio.Event()

    async def sleep_and_fail(user_id: UUID) -> Contact:
        await woken.wait()
        raise ServiceAway

    async def find_late(user_id: UUID) -> Contact:
        await answered.wait()
        return await find(user_id)

    story.auth.find_one = sleep_and_fail  # type: ignore[method-assign]
    sleeper = asyncio.create_task(story.sender().step())
    await _until_attempt(story, mail_id, 1)
    story.now += LEASE + timedelta(seconds=1)
    story.auth.find_one = find_late  # type: ignore[method-assign]
    sending = asyncio.create_task(story.sender().step())
    await _until_attempt(story, mail_id, 2)
    woken.set()
    with pytest.raises(Unavailable):
        await sleeper
    row = await story.row(mail_id)
    assert (row["state"], row["attempts"]) == ("sending", 2)
    answered.set()
    assert await sending
    assert (await story.row(mail_id))["state"] == "sent"
    assert len(story.smtp.taken) == 1


async def _until_attempt(story: Story, mail_id: UUID, number: int) -> None:
    async with asyncio.timeout(10):
        while (await story.row(mail_id))["attempts"] < number:
            await asyncio.sleep(0.01)
