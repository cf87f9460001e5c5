"""A user is erased: no mail is sent any more, personal data is blanked, events stay true."""

import asyncio
from uuid import UUID, uuid4

import pytest

from services.notifier.claims.due_mails import LEASE
from shared.contracts.auth import AccountMailRequested, EmailConfirmed, UserErased
from shared.contracts.http.auth import Contact
from shared.contracts.notifier import EmailFailed, EmailQueued, EmailSent, EmailSuppressed
from tests.integration.notifier.harness import NotifierHarness
from tests.support.events import ANN, BOB, checked
from tests.support.smtp_server import Act

WORDS = "250 known to the server as Annie"


async def _erase(notifier: NotifierHarness) -> None:
    notifier.auth.gone.add(ANN)
    notifier.auth.unwanted = True
    await notifier.consume(UserErased(user_id=ANN))


async def _send_and_erase(notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user is erased between the response of auth and the delivery."""
    find = notifier.auth.find_one

    async def find_then_erase(user_id: UUID) -> Contact:
        contact = await find(user_id)
        await _erase(notifier)
        return contact

    with monkeypatch.context() as patch:
        patch.setattr(notifier.auth, "find_one", find_then_erase)
        assert await notifier.sender().step()


async def test_waiting_mails_are_suppressed_and_recorded_ones_blanked(
    notifier: NotifierHarness,
) -> None:
    notifier.smtp.acts["content"] = Act(WORDS)
    sent = await notifier.queue_result(checked(uuid4()))
    await notifier.send_all()
    notifier.auth.confirmed = False
    held = await notifier.queue_result(checked(uuid4()))
    await notifier.send_all()
    notifier.smtp.acts["rcpt"] = Act("450 Annie is busy")
    notifier.auth.confirmed = True
    tried = await notifier.queue_result(checked(uuid4()))
    await notifier.send_all()
    new = await notifier.queue_result(checked(uuid4()))
    asked = await notifier.queue_account_mail(
        AccountMailRequested(user_id=ANN, request_id=uuid4(), kind="new_sign_in")
    )
    assert "Annie" in await notifier.dump()
    await _erase(notifier)
    for mail_id in (held, tried, new, asked):
        end = (await notifier.events(mail_id))[-1]
        assert isinstance(end, EmailSuppressed)
        assert end.reason == "user_unknown"
        row = await notifier.row(mail_id)
        assert (row["state"], row["result"], row["due_at"]) == ("suppressed", {}, None)
    told = (await notifier.events(sent))[-1]
    assert isinstance(told, EmailSent)
    assert told.reply == ""
    failed = (await notifier.events(tried))[-2]
    assert isinstance(failed, EmailFailed)
    assert failed.reason == ""
    kept = await notifier.dump()
    assert "Annie" not in kept
    assert "main.py" not in kept
    taken = len(notifier.smtp.taken)
    notifier.now += 20 * LEASE
    await notifier.send_all()
    assert len(notifier.smtp.taken) == taken == 1


async def test_others_keep_their_mails(notifier: NotifierHarness) -> None:
    bobs = await notifier.queue_result(checked(uuid4(), user_id=BOB))
    await _erase(notifier)
    await notifier.send_all()
    assert isinstance((await notifier.events(bobs))[-1], EmailSent)


async def test_late_mails_of_an_erased_user_are_suppressed_at_once(
    notifier: NotifierHarness,
) -> None:
    """Their events are consumed after the erasure."""
    await _erase(notifier)
    late = await notifier.queue_result(checked(uuid4()), times=2)
    asked = await notifier.queue_account_mail(
        AccountMailRequested(user_id=ANN, request_id=uuid4(), kind="password_changed")
    )
    await notifier.consume(EmailConfirmed(user_id=ANN))
    for mail_id in (late, asked):
        queued, suppressed = await notifier.events(mail_id)
        assert isinstance(queued, EmailQueued)
        assert isinstance(suppressed, EmailSuppressed)
        row = await notifier.row(mail_id)
        assert (row["state"], row["result"], row["due_at"]) == ("suppressed", {}, None)
    kept = await notifier.dump()
    assert "main.py" not in kept
    await _erase(notifier)
    await notifier.send_all()
    assert notifier.smtp.connections == 0


@pytest.mark.parametrize("reply", [WORDS, "450 Annie is busy", "550 Annie has left"])
async def test_a_mail_delivered_during_the_erasure_ends_as_the_server_replies(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch, reply: str
) -> None:
    """An accepted mail is recorded as sent, without the reply."""
    notifier.smtp.acts["content"] = Act(reply)
    mail_id = await notifier.queue_result(checked(uuid4()))
    await _send_and_erase(notifier, monkeypatch)
    notifier.now += LEASE
    await notifier.send_all()
    end = (await notifier.events(mail_id))[-1]
    if reply == WORDS:
        assert isinstance(end, EmailSent)
    elif reply.startswith("5"):
        assert isinstance(end, EmailFailed)
    else:
        assert isinstance(end, EmailSuppressed)
    row = await notifier.row(mail_id)
    assert (row["result"], row["due_at"]) == ({}, None)
    kept = await notifier.dump()
    assert "Annie" not in kept
    assert "main.py" not in kept


async def test_no_mail_is_held_for_an_erased_user(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    notifier.auth.confirmed = False
    mail_id = await notifier.queue_result(checked(uuid4()))
    await _send_and_erase(notifier, monkeypatch)
    notifier.now += LEASE
    await notifier.send_all()
    queued, suppressed = await notifier.events(mail_id)
    assert isinstance(queued, EmailQueued)
    assert isinstance(suppressed, EmailSuppressed)


async def test_a_mail_of_an_erased_user_left_by_a_dead_copy_is_suppressed(
    notifier: NotifierHarness,
) -> None:
    mail_id = await notifier.queue_result(checked(uuid4()))
    notifier.smtp.acts["content"] = Act(then="hang")
    dying = asyncio.create_task(notifier.sender().step())
    async with asyncio.timeout(10):
        while not notifier.smtp.seen:
            await asyncio.sleep(0.01)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await _erase(notifier)
    row = await notifier.row(mail_id)
    assert (row["state"], row["result"]) == ("sending", {})
    notifier.now += LEASE
    await notifier.send_all()
    assert isinstance((await notifier.events(mail_id))[-1], EmailSuppressed)
    assert (await notifier.row(mail_id))["state"] == "suppressed"
