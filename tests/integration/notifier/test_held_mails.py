"""Results wait for a confirmed address, and none is forgotten there, whatever comes first."""

import asyncio
from datetime import timedelta
from email import message_from_bytes
from itertools import permutations
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.notifier import recipients
from services.notifier.claims import claiming
from services.notifier.domain.mail import mail_id_for
from shared.contracts.auth import EmailConfirmed, UserErased
from shared.contracts.http.auth import Contact
from shared.contracts.notifier import EmailFailed, EmailHeld, EmailQueued, EmailSent
from shared.db import Database
from shared.eventsourcing.erasure.steps import run_steps_in
from tests.integration.notifier.story import STORE, Story
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN, BOB, checked
from tests.support.smtp_server import Act


async def test_results_wait_for_the_confirmation_and_go_out_after_it(story: Story) -> None:
    story.auth.confirmed = False
    mails = [await story.happen(checked(uuid4())) for _ in range(3)]
    await story.send_all()
    for mail_id in mails:
        queued, held = await story.life(mail_id)
        assert isinstance(queued, EmailQueued)
        assert isinstance(held, EmailHeld)
        row = await story.row(mail_id)
        assert (row["state"], row["attempts"], row["due_at"]) == ("held", 0, None)
        assert row["result"]["findings"]
    assert story.smtp.connections == 0
    story.now += timedelta(days=30)
    await story.send_all()  # nothing is tried in between
    await _confirm(story)
    await story.send_all()
    assert len(story.smtp.taken) == 3
    for mail_id in mails:
        sent = (await story.life(mail_id))[-1]
        assert isinstance(sent, EmailSent)
        assert sent.attempts == 1


async def test_what_was_held_leaves_in_the_order_of_the_checks(story: Story) -> None:
    story.auth.confirmed = False
    files = [uuid4() for _ in range(10)]
    checks = [checked(file_id, version) for version in (1, 2, 3) for file_id in files]
    mails = [await story.happen(check) for check in checks]
    await story.send_all()
    await _confirm(story)
    await story.send_all()
    sent = [(await story.life(mail_id))[-1] for mail_id in mails]
    told = [message_from_bytes(mail.content)["Message-ID"] for mail in story.smtp.taken]
    assert told == [one.message_id for one in sent if isinstance(one, EmailSent)]


async def test_one_confirmation_releases_the_mails_of_one_person(story: Story) -> None:
    story.auth.confirmed = False
    await story.happen(checked(uuid4(), user_id=ANN))
    bobs = await story.happen(checked(uuid4(), user_id=BOB))
    await story.send_all()
    await _confirm(story)
    await story.send_all()
    assert len(story.smtp.taken) == 1
    assert (await story.row(bobs))["state"] == "held"


async def test_a_mail_that_was_held_for_weeks_is_tried_for_two_days_like_any_other(
    story: Story,
) -> None:
    story.auth.confirmed = False
    mail_id = await story.happen(checked(uuid4()))
    await story.send_all()
    story.now += timedelta(days=30)
    await _confirm(story)
    story.smtp.acts["rcpt"] = Act("450 grey")
    await story.send_all()
    failed = (await story.life(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at == story.now + timedelta(minutes=1)


async def test_a_confirmation_between_the_question_and_the_decision_is_not_lost(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Auth says no, then the confirmation arrives and finds nothing held, then the mail is held."""
    mail_id, find = await story.happen(checked(uuid4())), story.auth.find_one
    story.auth.confirmed = False

    async def find_then_confirm(user_id: UUID) -> Contact:
        found = await find(user_id)
        await _confirm(story)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(story.auth, "find_one", find_then_confirm)
        assert await story.sender().step()
    row = await story.row(mail_id)
    assert (row["state"], row["attempts"]) == ("queued", 0)
    story.now += recipients.SOON
    await story.send_all()
    assert [type(event) for event in await story.life(mail_id)] == [EmailQueued, EmailSent]


@pytest.mark.parametrize("first", ["confirmation", "sender"])
async def test_of_two_at_the_same_moment_the_second_waits_for_the_first(
    story: Story, fresh_postgres: PrivateDatabase, first: str
) -> None:
    """Neither sees the other's work before it is committed, so the lock has to part them."""
    mail_id = await story.happen(checked(uuid4()))
    async with story.database.transaction() as connection:
        [mail] = await claiming.claim(connection, 1, story.now)
    other = Database(fresh_postgres.url("notifier"))

    async def confirm(database: Database, entered: asyncio.Event, leave: asyncio.Event) -> None:
        async with database.transaction() as connection:
            await run_steps_in(connection, recipients.confirming(ANN, lambda: story.now))
            entered.set()
            await leave.wait()

    async def hold(database: Database, entered: asyncio.Event, leave: asyncio.Event) -> None:
        async with database.transaction() as connection:
            await recipients.hold_back(connection, STORE, mail, story.now)
            entered.set()
            await leave.wait()

    order = [confirm, hold] if first == "confirmation" else [hold, confirm]
    entered, leave, late = asyncio.Event(), asyncio.Event(), asyncio.Event()
    leading = asyncio.create_task(order[0](story.database, entered, leave))
    await entered.wait()
    following = asyncio.create_task(order[1](other, late, leave))
    await _until_somebody_waits(story)
    assert not late.is_set()
    leave.set()
    await asyncio.gather(leading, following)
    await other.close()
    story.now += recipients.SOON
    await story.send_all()
    assert isinstance((await story.life(mail_id))[-1], EmailSent)
    assert len(story.smtp.taken) == 1


async def test_in_any_order_the_mail_goes_out_once(story: Story) -> None:
    """`ask`: the sender looks while auth still answers as before the confirmation."""
    for order in set(permutations(("check", "ask", "ask", "confirm"))):
        _, sent = await _play(story, order)
        assert sent == 1, order


async def test_in_any_order_somebody_who_is_gone_gets_nothing_more(story: Story) -> None:
    for order in permutations(("check", "ask", "confirm", "erase")):
        mail_id, sent = await _play(story, order)
        assert sent == 0, order
        row = await story.row(mail_id)
        assert (row["state"], row["result"], row["due_at"]) == ("suppressed", {}, None), order
    assert "main.py" not in await story.everything_kept()


async def _play(story: Story, order: tuple[str, ...]) -> tuple[UUID, int]:
    """Let a new person's mail live through the steps; how many were sent in the end."""
    check, before = checked(uuid4(), user_id=uuid4()), len(story.smtp.taken)
    story.auth.confirmed = False
    for step in order:
        match step:
            case "check":
                await story.happen(check)
            case "confirm":
                await story.hear(EmailConfirmed(user_id=check.user_id))
            case "erase":
                await story.hear(UserErased(user_id=check.user_id))
                story.auth.gone.add(check.user_id)
            case _:
                await story.sender().step()
    story.auth.confirmed = True
    story.now += recipients.SOON
    await story.send_all()
    return mail_id_for(check.check_id), len(story.smtp.taken) - before


async def _confirm(story: Story) -> None:
    story.auth.confirmed = True
    await story.hear(EmailConfirmed(user_id=ANN))


async def _until_somebody_waits(story: Story) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with asyncio.timeout(10):
        while True:
            async with story.database.transaction() as connection:
                if await connection.scalar(waiting):
                    return
            await asyncio.sleep(0.01)
