"""Results are held until the address is confirmed, in any order of events."""

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
from tests.integration.notifier.harness import STORE, NotifierHarness
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN, BOB, checked
from tests.support.smtp_server import Act


async def test_results_wait_for_the_confirmation_and_go_out_after_it(
    notifier: NotifierHarness,
) -> None:
    notifier.auth.confirmed = False
    mails = [await notifier.queue_result(checked(uuid4())) for _ in range(3)]
    await notifier.send_all()
    for mail_id in mails:
        queued, held = await notifier.events(mail_id)
        assert isinstance(queued, EmailQueued)
        assert isinstance(held, EmailHeld)
        row = await notifier.row(mail_id)
        assert (row["state"], row["attempts"], row["due_at"]) == ("held", 0, None)
        assert row["result"]["findings"]
    assert notifier.smtp.connections == 0
    notifier.now += timedelta(days=30)
    await notifier.send_all()  # nothing is tried in between
    await _confirm(notifier)
    await notifier.send_all()
    assert len(notifier.smtp.taken) == 3
    for mail_id in mails:
        sent = (await notifier.events(mail_id))[-1]
        assert isinstance(sent, EmailSent)
        assert sent.attempts == 1


async def test_held_mails_are_sent_in_the_order_of_the_checks(notifier: NotifierHarness) -> None:
    notifier.auth.confirmed = False
    files = [uuid4() for _ in range(10)]
    checks = [checked(file_id, version) for version in (1, 2, 3) for file_id in files]
    mails = [await notifier.queue_result(check) for check in checks]
    await notifier.send_all()
    await _confirm(notifier)
    await notifier.send_all()
    sent = [(await notifier.events(mail_id))[-1] for mail_id in mails]
    told = [message_from_bytes(mail.content)["Message-ID"] for mail in notifier.smtp.taken]
    assert told == [one.message_id for one in sent if isinstance(one, EmailSent)]


async def test_one_confirmation_releases_the_mails_of_one_person(notifier: NotifierHarness) -> None:
    notifier.auth.confirmed = False
    await notifier.queue_result(checked(uuid4(), user_id=ANN))
    bobs = await notifier.queue_result(checked(uuid4(), user_id=BOB))
    await notifier.send_all()
    await _confirm(notifier)
    await notifier.send_all()
    assert len(notifier.smtp.taken) == 1
    assert (await notifier.row(bobs))["state"] == "held"


async def test_a_mail_that_was_held_for_weeks_is_tried_for_two_days_like_any_other(
    notifier: NotifierHarness,
) -> None:
    notifier.auth.confirmed = False
    mail_id = await notifier.queue_result(checked(uuid4()))
    await notifier.send_all()
    notifier.now += timedelta(days=30)
    await _confirm(notifier)
    notifier.smtp.acts["rcpt"] = Act("450 grey")
    await notifier.send_all()
    failed = (await notifier.events(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at == notifier.now + timedelta(minutes=1)


async def test_a_confirmation_between_the_question_and_the_decision_is_not_lost(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Auth says no, the confirmation is consumed while nothing is held, then the mail is held."""
    mail_id, find = await notifier.queue_result(checked(uuid4())), notifier.auth.find_one
    notifier.auth.confirmed = False

    async def find_then_confirm(user_id: UUID) -> Contact:
        found = await find(user_id)
        await _confirm(notifier)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(notifier.auth, "find_one", find_then_confirm)
        assert await notifier.sender().step()
    row = await notifier.row(mail_id)
    assert (row["state"], row["attempts"]) == ("queued", 0)
    notifier.now += recipients.RETRY_AFTER
    await notifier.send_all()
    assert [type(event) for event in await notifier.events(mail_id)] == [EmailQueued, EmailSent]


@pytest.mark.parametrize("first", ["confirmation", "sender"])
async def test_a_confirmation_and_a_hold_wait_for_each_other(
    notifier: NotifierHarness, fresh_postgres: PrivateDatabase, first: str
) -> None:
    """Neither sees the uncommitted work of the other, so the append lock must serialize them."""
    mail_id = await notifier.queue_result(checked(uuid4()))
    async with notifier.database.transaction() as connection:
        [mail] = await claiming.claim(connection, 1, notifier.now)
    other = Database(fresh_postgres.url("notifier"))

    async def confirm(database: Database, entered: asyncio.Event, leave: asyncio.Event) -> None:
        async with database.transaction() as connection:
            await run_steps_in(connection, recipients.confirmation_steps(ANN, lambda: notifier.now))
            entered.set()
            await leave.wait()

    async def hold(database: Database, entered: asyncio.Event, leave: asyncio.Event) -> None:
        async with database.transaction() as connection:
            await recipients.hold_until_confirmed(connection, STORE, mail, notifier.now)
            entered.set()
            await leave.wait()

    order = [confirm, hold] if first == "confirmation" else [hold, confirm]
    entered, leave, late = asyncio.Event(), asyncio.Event(), asyncio.Event()
    leading = asyncio.create_task(order[0](notifier.database, entered, leave))
    await entered.wait()
    following = asyncio.create_task(order[1](other, late, leave))
    await _wait_for_a_lock_to_be_contended(notifier)
    assert not late.is_set()
    leave.set()
    await asyncio.gather(leading, following)
    await other.close()
    notifier.now += recipients.RETRY_AFTER
    await notifier.send_all()
    assert isinstance((await notifier.events(mail_id))[-1], EmailSent)
    assert len(notifier.smtp.taken) == 1


async def test_in_any_order_the_mail_goes_out_once(notifier: NotifierHarness) -> None:
    """`ask`: the sender looks while auth still answers as before the confirmation."""
    for order in set(permutations(("check", "ask", "ask", "confirm"))):
        _, sent = await _play(notifier, order)
        assert sent == 1, order


async def test_in_any_order_an_erased_user_gets_no_mail(
    notifier: NotifierHarness,
) -> None:
    for order in permutations(("check", "ask", "confirm", "erase")):
        mail_id, sent = await _play(notifier, order)
        assert sent == 0, order
        row = await notifier.row(mail_id)
        assert (row["state"], row["result"], row["due_at"]) == ("suppressed", {}, None), order
    assert "main.py" not in await notifier.dump()


async def _play(notifier: NotifierHarness, order: tuple[str, ...]) -> tuple[UUID, int]:
    """Play the steps for a mail of a new user; return its id and how many were sent."""
    check, before = checked(uuid4(), user_id=uuid4()), len(notifier.smtp.taken)
    notifier.auth.confirmed = False
    for step in order:
        match step:
            case "check":
                await notifier.queue_result(check)
            case "confirm":
                await notifier.consume(EmailConfirmed(user_id=check.user_id))
            case "erase":
                await notifier.consume(UserErased(user_id=check.user_id))
                notifier.auth.gone.add(check.user_id)
            case _:
                await notifier.sender().step()
    notifier.auth.confirmed = True
    notifier.now += recipients.RETRY_AFTER
    await notifier.send_all()
    return mail_id_for(check.check_id), len(notifier.smtp.taken) - before


async def _confirm(notifier: NotifierHarness) -> None:
    notifier.auth.confirmed = True
    await notifier.consume(EmailConfirmed(user_id=ANN))


async def _wait_for_a_lock_to_be_contended(notifier: NotifierHarness) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with asyncio.timeout(10):
        while True:
            async with notifier.database.transaction() as connection:
                if await connection.scalar(waiting):
                    return
            await asyncio.sleep(0.01)
