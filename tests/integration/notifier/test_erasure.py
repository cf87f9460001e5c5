"""A person is forgotten: nothing more is sent, nothing of theirs is kept, the log stays true."""

import asyncio
from uuid import UUID, uuid4

import pytest

from services.notifier.claims.due_mails import LEASE
from shared.contracts.auth import AccountMailRequested, EmailConfirmed, UserErased
from shared.contracts.http.auth import Contact
from shared.contracts.notifier import EmailFailed, EmailQueued, EmailSent, EmailSuppressed
from tests.integration.notifier.story import Story
from tests.support.events import ANN, BOB, checked
from tests.support.smtp_server import Act

WORDS = "250 known to the server as Annie"


async def _erase(story: Story) -> None:
    story.auth.gone.add(ANN)
    story.auth.unwanted = True
    await story.hear(UserErased(user_id=ANN))


async def _send_and_erase(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person is erased between the question where to send and what follows from the answer."""
    find = story.auth.find_one

    async def find_then_erase(user_id: UUID) -> Contact:
        contact = await find(user_id)
        await _erase(story)
        return contact

    with monkeypatch.context() as patch:
        patch.setattr(story.auth, "find_one", find_then_erase)
        assert await story.sender().step()


async def test_what_waits_is_ended_and_what_was_said_is_blanked(story: Story) -> None:
    story.smtp.acts["content"] = Act(WORDS)
    sent = await story.happen(checked(uuid4()))
    await story.send_all()
    story.auth.confirmed = False
    held = await story.happen(checked(uuid4()))
    await story.send_all()
    story.smtp.acts["rcpt"] = Act("450 Annie is busy")
    story.auth.confirmed = True
    tried = await story.happen(checked(uuid4()))
    await story.send_all()
    new = await story.happen(checked(uuid4()))
    asked = await story.request(
        AccountMailRequested(user_id=ANN, request_id=uuid4(), kind="new_sign_in")
    )
    assert "Annie" in await story.everything_kept()
    await _erase(story)
    for mail_id in (held, tried, new, asked):
        end = (await story.life(mail_id))[-1]
        assert isinstance(end, EmailSuppressed)
        assert end.reason == "user_unknown"
        row = await story.row(mail_id)
        assert (row["state"], row["result"], row["due_at"]) == ("suppressed", {}, None)
    told = (await story.life(sent))[-1]
    assert isinstance(told, EmailSent)
    assert told.reply == ""
    failed = (await story.life(tried))[-2]
    assert isinstance(failed, EmailFailed)
    assert failed.reason == ""
    kept = await story.everything_kept()
    assert "Annie" not in kept
    assert "main.py" not in kept
    taken = len(story.smtp.taken)
    story.now += 20 * LEASE
    await story.send_all()
    assert len(story.smtp.taken) == taken == 1


async def test_others_keep_their_mails(story: Story) -> None:
    bobs = await story.happen(checked(uuid4(), user_id=BOB))
    await _erase(story)
    await story.send_all()
    assert isinstance((await story.life(bobs))[-1], EmailSent)


async def test_news_of_somebody_who_is_forgotten_ends_where_it_begins(story: Story) -> None:
    """The queue held them back, or a consumer was away for a while."""
    await _erase(story)
    late = await story.happen(checked(uuid4()), times=2)
    asked = await story.request(
        AccountMailRequested(user_id=ANN, request_id=uuid4(), kind="password_changed")
    )
    await story.hear(EmailConfirmed(user_id=ANN))
    for mail_id in (late, asked):
        queued, suppressed = await story.life(mail_id)
        assert isinstance(queued, EmailQueued)
        assert isinstance(suppressed, EmailSuppressed)
        row = await story.row(mail_id)
        assert (row["state"], row["result"], row["due_at"]) == ("suppressed", {}, None)
    kept = await story.everything_kept()
    assert "main.py" not in kept
    await _erase(story)
    await story.send_all()
    assert story.smtp.connections == 0


@pytest.mark.parametrize("reply", [WORDS, "450 Annie is busy", "550 Annie has left"])
async def test_a_mail_in_the_hands_of_its_sender_ends_as_the_server_says(
    story: Story, monkeypatch: pytest.MonkeyPatch, reply: str
) -> None:
    """The person is erased while the mail is on its way: taken is taken, and said without words."""
    story.smtp.acts["content"] = Act(reply)
    mail_id = await story.happen(checked(uuid4()))
    await _send_and_erase(story, monkeypatch)
    story.now += LEASE
    await story.send_all()
    end = (await story.life(mail_id))[-1]
    if reply == WORDS:
        assert isinstance(end, EmailSent)
    elif reply.startswith("5"):
        assert isinstance(end, EmailFailed)
    else:
        assert isinstance(end, EmailSuppressed)
    row = await story.row(mail_id)
    assert (row["result"], row["due_at"]) == ({}, None)
    kept = await story.everything_kept()
    assert "Annie" not in kept
    assert "main.py" not in kept


async def test_nobody_is_waited_for_who_is_erased_before_the_mail_is_held(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.auth.confirmed = False
    mail_id = await story.happen(checked(uuid4()))
    await _send_and_erase(story, monkeypatch)
    story.now += LEASE
    await story.send_all()
    queued, suppressed = await story.life(mail_id)
    assert isinstance(queued, EmailQueued)
    assert isinstance(suppressed, EmailSuppressed)


async def test_a_sender_that_died_leaves_no_open_mail_of_somebody_who_is_forgotten(
    story: Story,
) -> None:
    mail_id = await story.happen(checked(uuid4()))
    story.smtp.acts["content"] = Act(then="hang")
    dying = asyncio.create_task(story.sender().step())
    async with asyncio.timeout(10):
        while not story.smtp.seen:
            await asyncio.sleep(0.01)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await _erase(story)
    row = await story.row(mail_id)
    assert (row["state"], row["result"]) == ("sending", {})
    story.now += LEASE
    await story.send_all()
    assert isinstance((await story.life(mail_id))[-1], EmailSuppressed)
    assert (await story.row(mail_id))["state"] == "suppressed"
