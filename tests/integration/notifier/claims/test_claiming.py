"""Which copy has the claim to a mail, and in which order mails are claimed."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.notifier.claims import claiming, due_mails
from services.notifier.domain.mail import mail_id_for
from services.notifier.recording.outcomes import INTERNAL_ERROR
from shared.contracts.http.auth import Contact
from shared.contracts.notifier import EmailFailed, EmailSent
from shared.coordination.copies import Copy
from tests.integration.notifier.harness import NotifierHarness
from tests.support.copies import present_copy
from tests.support.events import ANN, BOB, checked, recorded


async def _kill(notifier: NotifierHarness, copy: Copy) -> int:
    async with notifier.database.transaction() as connection:
        return await claiming.end_claims(connection, [copy.number], notifier.now)


async def _claim(notifier: NotifierHarness, copy: Copy) -> due_mails.DueMail | None:
    async with notifier.database.transaction() as connection:
        mails = await claiming.claim(connection, copy.number, notifier.now)
        return mails[0] if mails else None


async def test_without_a_session_nothing_is_claimed(notifier: NotifierHarness) -> None:
    mail_id = await notifier.queue_result(checked(uuid4()))

    async def nothing(*_: object) -> int:
        return 0

    unseen = Copy(notifier.database, "mails", nothing)
    assert not await notifier.sender(copy=unseen).step()
    assert (await notifier.row(mail_id))["state"] == "queued"


async def test_a_mail_of_a_dead_copy_is_sent_at_once_and_shows_both_attempts(
    notifier: NotifierHarness,
) -> None:
    mail_id, copy = await notifier.queue_result(checked(uuid4())), present_copy(notifier.database)
    assert await _claim(notifier, copy)
    assert not await notifier.sender().step()
    assert await _kill(notifier, copy) == 1
    assert await notifier.sender().step()
    sent = (await notifier.events(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 2
    row = await notifier.row(mail_id)
    assert (row["claimed_by"], row["due_at"]) == (None, None)
    assert await _kill(notifier, copy) == 0


async def test_a_sender_that_lost_its_claim_before_the_conversation_holds_none(
    notifier: NotifierHarness,
) -> None:
    mail_id, copy = await notifier.queue_result(checked(uuid4())), present_copy(notifier.database)
    find = notifier.auth.find_one

    async def find_late(user_id: UUID) -> Contact:
        notifier.auth.find_one = find  # type: ignore[method-assign]
        await _kill(notifier, copy)
        assert await notifier.sender().step()
        return await find(user_id)

    notifier.auth.find_one = find_late  # type: ignore[method-assign]
    assert await notifier.sender(copy=copy).step()
    assert len(notifier.smtp.seen) == 1
    assert len(await notifier.events(mail_id)) == 2


async def test_what_a_copy_could_not_put_back_it_takes_again_some_seconds_later(
    notifier: NotifierHarness,
) -> None:
    mail_id, copy = await notifier.queue_result(checked(uuid4())), present_copy(notifier.database)
    assert await _claim(notifier, copy)
    sender = notifier.sender(copy=copy)
    assert not await sender.step()
    notifier.now += timedelta(seconds=5)
    assert await sender.step()
    assert isinstance((await notifier.events(mail_id))[-1], EmailSent)
    assert (await notifier.row(mail_id))["deaths"] == 0


async def test_the_end_of_an_earlier_claim_does_not_end_a_later_one(
    notifier: NotifierHarness,
) -> None:
    mail_id, sender = await notifier.queue_result(checked(uuid4())), notifier.sender()
    [earlier] = await sender.claim()
    await sender.put_back([earlier], timedelta())
    [later] = await sender.claim()
    sender._remove([earlier])
    assert sender.in_hand == {mail_id: later}
    sender._remove([later])
    assert not sender.in_hand


async def test_a_mail_whose_senders_die_is_tried_each_time_later_and_given_up(
    notifier: NotifierHarness,
) -> None:
    killer, other = await notifier.queue_result(checked(uuid4())), None
    waits = []
    for _ in range(due_mails.MAX_DEATHS):
        copy = present_copy(notifier.database)
        mail = await _claim(notifier, copy)
        assert mail is not None
        assert mail.mail_id == killer
        await _kill(notifier, copy)
        waits.append((await notifier.row(killer))["due_at"] - notifier.now)
        if waits[-1]:
            other = await notifier.queue_result(checked(uuid4()))
            assert await notifier.sender().step()
            assert (await notifier.row(other))["state"] == "sent"
        notifier.now += waits[-1]
    assert waits == [timedelta(minutes=number) for number in range(due_mails.MAX_DEATHS)]
    assert await notifier.sender().step()
    failed = (await notifier.events(killer))[-1]
    assert isinstance(failed, EmailFailed)
    assert (failed.reason, failed.next_attempt_at) == (INTERNAL_ERROR, None)
    assert not await notifier.sender().step()
    assert len(notifier.smtp.seen) == due_mails.MAX_DEATHS - 1  # those of the others


@pytest.mark.parametrize(("many", "few"), [(ANN, BOB), (BOB, ANN)])
async def test_users_take_turns(notifier: NotifierHarness, many: UUID, few: UUID) -> None:
    for _ in range(20):
        await notifier.queue_result(checked(uuid4(), user_id=many))
    mails = [await notifier.queue_result(checked(uuid4(), user_id=few)) for _ in range(2)]
    sender = notifier.sender()
    for _ in range(4):
        assert await sender.step()
    assert {(await notifier.row(mail_id))["state"] for mail_id in mails} == {"sent"}
    assert len(notifier.smtp.taken) == 4
    await notifier.send_all()
    assert len(notifier.smtp.taken) == 22


async def test_mails_of_one_person_leave_in_their_order(notifier: NotifierHarness) -> None:
    mails = []
    for _ in range(4):
        mails.append(await notifier.queue_result(checked(uuid4())))
        await asyncio.sleep(0.002)
    sender = notifier.sender()
    for mail_id in mails:
        await sender.step()
        assert (await notifier.row(mail_id))["state"] == "sent"


async def test_results_consumed_in_one_set_leave_in_their_order(notifier: NotifierHarness) -> None:
    results = [checked(uuid4(), version) for version in range(1, 9)]
    await notifier.consume_all([recorded(result) for result in results])
    sender, taken = notifier.sender(in_hand=8), list[UUID]()
    while claimed := await sender.claim():
        taken += [mail.mail_id for mail in claimed]
    assert taken == [mail_id_for(result.check_id) for result in results]


@pytest.mark.parametrize("rows", [10_000])
async def test_a_claim_reads_no_more_than_it_takes(notifier: NotifierHarness, rows: int) -> None:
    """However many mails wait, or were sent before."""
    await notifier.queue_result(checked(uuid4()))
    async with notifier.database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO mails SELECT (jsonb_populate_record(m, jsonb_build_object("
                "'mail_id', gen_random_uuid(), 'check_id', gen_random_uuid()))).*"
                " FROM mails m, generate_series(1, :rows)"
            ),
            {"rows": rows},
        )
    async with notifier.database.transaction() as connection:
        await connection.execute(text("ANALYZE mails"))
        values = {
            "copy": 1, "now": notifier.now, "until": notifier.now, "limit": 50, "account_offset": 1,
            "last_user": claiming.NOBODY, "nobody": claiming.NOBODY, "in_hand": [uuid4()],
        }  # fmt: skip
        plan = await connection.scalars(text(f"EXPLAIN {claiming._CLAIM.text}"), values)
        assert "Seq Scan" not in "\n".join(plan.all())
