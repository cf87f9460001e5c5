"""Who holds a mail while it is sent, and whose mail comes next."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.notifier.claims import claiming, due_mails
from services.notifier.domain.mail import mail_id_for
from services.notifier.recording.failed_outcomes import OUR_FAULT
from shared.contracts.http.auth import Contact
from shared.contracts.notifier import EmailFailed, EmailSent
from shared.coordination.copies import Copy
from tests.integration.notifier.story import Story
from tests.support.copies import present_copy
from tests.support.events import ANN, BOB, checked, recorded


async def _die(story: Story, copy: Copy) -> int:
    async with story.database.transaction() as connection:
        return await due_mails.end_claims(connection, [copy.number], story.now)


async def _claim(story: Story, copy: Copy) -> due_mails.DueMail | None:
    async with story.database.transaction() as connection:
        mails = await claiming.claim(connection, copy.number, story.now)
        return mails[0] if mails else None


async def test_without_a_session_nothing_is_claimed(story: Story) -> None:
    mail_id = await story.happen(checked(uuid4()))

    async def nothing(*_: object) -> int:
        return 0

    unseen = Copy(story.database, "mails", nothing)
    assert not await story.sender(copy=unseen).step()
    assert (await story.row(mail_id))["state"] == "queued"


async def test_a_mail_of_a_dead_copy_is_sent_at_once_and_shows_both_attempts(story: Story) -> None:
    mail_id, copy = await story.happen(checked(uuid4())), present_copy(story.database)
    assert await _claim(story, copy)
    assert not await story.sender().step()
    assert await _die(story, copy) == 1
    assert await story.sender().step()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 2
    row = await story.row(mail_id)
    assert (row["claimed_by"], row["due_at"]) == (None, None)
    assert await _die(story, copy) == 0


async def test_a_sender_that_lost_its_claim_before_the_conversation_holds_none(
    story: Story,
) -> None:
    mail_id, copy, find = (
        await story.happen(checked(uuid4())), present_copy(story.database), story.auth.find_one
    )  # fmt: skip

    async def find_late(user_id: UUID) -> Contact:
        story.auth.find_one = find  # type: ignore[method-assign]
        await _die(story, copy)
        assert await story.sender().step()
        return await find(user_id)

    story.auth.find_one = find_late  # type: ignore[method-assign]
    assert await story.sender(copy=copy).step()
    assert len(story.smtp.seen) == 1
    assert len(await story.life(mail_id)) == 2


async def test_what_a_copy_could_not_put_back_it_takes_again_some_seconds_later(
    story: Story,
) -> None:
    mail_id, copy = await story.happen(checked(uuid4())), present_copy(story.database)
    assert await _claim(story, copy)
    sender = story.sender(copy=copy)
    assert not await sender.step()
    story.now += timedelta(seconds=5)
    assert await sender.step()
    assert isinstance((await story.life(mail_id))[-1], EmailSent)
    assert (await story.row(mail_id))["deaths"] == 0


async def test_the_end_of_an_earlier_claim_lets_go_of_no_later_one(story: Story) -> None:
    mail_id, sender = await story.happen(checked(uuid4())), story.sender()
    [earlier] = await sender._claim()
    await sender._put_back([earlier], timedelta())
    [later] = await sender._claim()
    sender._let_go([earlier])
    assert sender._in_hand == {mail_id: later}
    sender._let_go([later])
    assert not sender._in_hand


async def test_a_mail_that_kills_its_senders_is_tried_later_and_later_and_given_up(
    story: Story,
) -> None:
    killer, other = await story.happen(checked(uuid4())), None
    waits = []
    for _ in range(due_mails.GIVEN_UP):
        copy = present_copy(story.database)
        mail = await _claim(story, copy)
        assert mail is not None
        assert mail.mail_id == killer
        await _die(story, copy)
        waits.append((await story.row(killer))["due_at"] - story.now)
        if waits[-1]:
            other = await story.happen(checked(uuid4()))
            assert await story.sender().step()
            assert (await story.row(other))["state"] == "sent"
        story.now += waits[-1]
    assert waits == [timedelta(minutes=number) for number in range(due_mails.GIVEN_UP)]
    assert await story.sender().step()
    failed = (await story.life(killer))[-1]
    assert isinstance(failed, EmailFailed)
    assert (failed.reason, failed.next_attempt_at) == (OUR_FAULT, None)
    assert not await story.sender().step()
    assert len(story.smtp.seen) == due_mails.GIVEN_UP - 1  # those of the others


@pytest.mark.parametrize(("many", "few"), [(ANN, BOB), (BOB, ANN)])
async def test_nobody_waits_behind_another_ones_many_mails(
    story: Story, many: UUID, few: UUID
) -> None:
    for _ in range(20):
        await story.happen(checked(uuid4(), user_id=many))
    mails = [await story.happen(checked(uuid4(), user_id=few)) for _ in range(2)]
    sender = story.sender()
    for _ in range(4):
        assert await sender.step()
    assert {(await story.row(mail_id))["state"] for mail_id in mails} == {"sent"}
    assert len(story.smtp.taken) == 4
    await story.send_all()
    assert len(story.smtp.taken) == 22


async def test_mails_of_one_person_leave_in_their_order(story: Story) -> None:
    mails = []
    for _ in range(4):
        mails.append(await story.happen(checked(uuid4())))
        await asyncio.sleep(0.002)
    sender = story.sender()
    for mail_id in mails:
        await sender.step()
        assert (await story.row(mail_id))["state"] == "sent"


async def test_results_consumed_in_one_set_leave_in_their_order(story: Story) -> None:
    results = [checked(uuid4(), version) for version in range(1, 9)]
    await story.hear_together([recorded(result) for result in results])
    sender, taken = story.sender(in_hand=8), list[UUID]()
    while claimed := await sender._claim():
        taken += [mail.mail_id for mail in claimed]
    assert taken == [mail_id_for(result.check_id) for result in results]


@pytest.mark.parametrize("rows", [10_000])
async def test_a_claim_reads_no_more_than_it_takes(story: Story, rows: int) -> None:
    """However many mails wait, or were sent before."""
    await story.happen(checked(uuid4()))
    async with story.database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO mails SELECT (jsonb_populate_record(m, jsonb_build_object("
                "'mail_id', gen_random_uuid(), 'check_id', gen_random_uuid()))).*"
                " FROM mails m, generate_series(1, :rows)"
            ),
            {"rows": rows},
        )
    async with story.database.transaction() as connection:
        await connection.execute(text("ANALYZE mails"))
        values = {
            "copy": 1, "now": story.now, "until": story.now, "most": 50, "account_is": 1,
            "after": claiming.NOBODY, "nobody": claiming.NOBODY, "in_hand": [uuid4()],
        }  # fmt: skip
        plan = await connection.scalars(text(f"EXPLAIN {claiming._CLAIM}"), values)
        assert "Seq Scan" not in "\n".join(plan.all())
