"""Many mails at a time: their order, their connections, and a mail server that is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.notifier.claims.claiming import anything_due
from services.notifier.claims.due_mails import LEASE
from services.notifier.recording.recorder import Outcome
from services.notifier.smtp import pool
from shared.contracts.notifier import EmailFailed, EmailSent
from shared.eventsourcing.store import Batch, EventStore
from shared.ids import derived_id
from tests.integration.notifier.seats import ask, drain, ids, many_seats, queue, states
from tests.integration.notifier.story import Story
from tests.support.events import ANN, BOB
from tests.support.smtp_server import DROP, HANG, Act, Step
from tests.support.waiting import eventually

CLARA = UUID("0190b2aa-7c1e-7d53-9f1e-3b0c8f7f5a99")


@pytest.mark.parametrize("pipelining", [False, True])
async def test_many_mails_need_few_connections(story: Story, pipelining: bool) -> None:
    story.smtp.pipelining = pipelining
    mails = await queue(story, 60)
    await drain(many_seats(story))
    assert len(story.smtp.taken) == len(set(ids(story))) == 60
    assert 1 <= story.smtp.connections <= 4
    assert await states(story, mails) == {"sent"}


async def test_while_the_server_answers_no_connection_is_waited_for(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pace is for a server that is away, not for connections that are used up."""
    monkeypatch.setattr("services.notifier.smtp.connection.MOST_MAILS", 1)
    monkeypatch.setattr("services.notifier.smtp.connector.HANGS", 3600.0)
    await queue(story, 12)
    await asyncio.wait_for(drain(many_seats(story)), 60)
    assert story.smtp.connections == len(story.smtp.taken) == 12


async def test_outcomes_are_recorded_in_sets(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    mails, sizes, append = await queue(story, 25), [], EventStore.append_many

    async def note(self: EventStore, connection: object, batches: list[Batch]) -> object:
        sizes.append(len(batches))
        return await append(self, connection, batches)  # type: ignore[arg-type]

    monkeypatch.setattr(EventStore, "append_many", note)
    await drain(many_seats(story))
    assert sum(sizes) == 25
    assert len(sizes) < 25  # how many there are depends on how fast the machine is
    for mail_id in mails:
        sent = (await story.history(mail_id))[-1]
        assert isinstance(sent.event, EmailSent)
        assert sent.metadata.causation_id is not None


async def test_contacts_are_asked_for_once_a_batch(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue(story, 10)
    await queue(story, 10, BOB)
    asked, find = [], story.auth.find

    async def look(user_ids: set[UUID]) -> object:
        asked.append(user_ids)
        return await find(user_ids)

    monkeypatch.setattr(story.auth, "find", look)
    await drain(many_seats(story))
    assert asked == [{ANN, BOB}]
    assert len(story.smtp.taken) == 20


async def test_one_who_is_gone_and_one_to_be_held_leave_the_others_alone(story: Story) -> None:
    gone, mails = await queue(story, 3, BOB), await queue(story, 3)
    story.auth.gone.add(BOB)
    await drain(many_seats(story))
    assert await states(story, gone) == {"suppressed"}
    assert await states(story, mails) == {"sent"}


@pytest.mark.parametrize("in_hand", [1, 4, 5, 50])
async def test_of_each_person_in_turn_the_oldest(story: Story, in_hand: int) -> None:
    """Whatever fits into one claim, the next one goes on where it ended."""
    mails = {user: await queue(story, 7, user) for user in (ANN, BOB, CLARA)}
    people = sorted(mails)
    expected = [mails[user][number] for number in range(7) for user in people]
    taken: list[UUID] = []
    sender = story.sender(in_hand=in_hand)
    while claimed := await sender._claim():
        taken += [mail.mail_id for mail in claimed]
        await sender._put_back(claimed, timedelta(hours=1))
    assert taken == expected


async def test_mails_about_accounts_go_first_and_leave_results_every_second_turn(
    story: Story,
) -> None:
    results, accounts = await queue(story, 6), [await ask(story) for _ in range(20)]
    sender = story.sender(in_hand=9)
    first = [mail.mail_id for mail in await sender._claim()]
    assert [mail_id in results for mail_id in first] == [False, True] * 4 + [False]
    assert first[::2] == accounts[:5]
    await sender._put_back(list(sender._in_hand.values()), timedelta(hours=1))
    second = [mail.mail_id for mail in await sender._claim()]
    assert second[:4] == [results[4], accounts[5], results[5], accounts[6]]


async def test_in_the_line_for_a_connection_mails_about_accounts_and_results_take_turns(
    story: Story,
) -> None:
    story.smtp.acts["content"] = Act("250 ok", delay=2.0, once=True)
    await queue(story, 5)
    sender = story.sender(connections=1, in_hand=10)
    await sender.begin()

    async def seen() -> bool:
        return len(story.smtp.seen) == 1

    await eventually(seen, 30)
    accounts = {str(derived_id("new_sign_in", await ask(story))) for _ in range(2)}
    await sender.step()
    left = [message_id.strip("<>").partition("@")[0] for message_id in ids(story)]
    assert [name in accounts for name in left] == [False, True] * 2 + [False] * 3


async def test_what_is_in_hand_is_not_claimed_again(story: Story) -> None:
    story.smtp.acts["content"] = Act("250 ok", delay=0.5)
    mails = await queue(story, 8)
    sender = story.sender(connections=2, in_hand=4)
    await drain(sender)
    assert len(story.smtp.seen) == 8
    for mail_id in mails:
        assert (await story.row(mail_id))["unfinished"] == 0
        assert (await story.row(mail_id))["attempts"] == 1


async def test_what_waits_to_be_recorded_is_not_sent_again_when_its_lease_has_passed(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails, sender, away = await queue(story, 2), story.sender(in_hand=4), asyncio.Event()
    mails.append(await ask(story))
    record = sender._outcomes._recorder.record

    async def late(outcomes: Sequence[Outcome]) -> None:
        await away.wait()
        await record(outcomes)

    monkeypatch.setattr(sender._outcomes._recorder, "record", late)
    await sender.begin()

    async def seen() -> bool:
        return len(story.smtp.seen) == 3

    await eventually(seen, 30)
    story.now += LEASE + timedelta(seconds=1)
    assert not await sender.begin()
    async with story.database.transaction() as connection:
        assert not await anything_due(connection, story.now, sender._in_hand)
    away.set()
    await drain(sender)
    assert await states(story, mails) == {"sent"}
    assert len(story.smtp.seen) == 3


async def test_two_copies_with_many_seats_send_each_mail_once(story: Story) -> None:
    mails = await queue(story, 40) + await queue(story, 40, BOB)

    async def work() -> None:
        sender = many_seats(story)
        while await states(story, mails) != {"sent"}:
            await sender.step()

    await asyncio.gather(work(), work())
    assert len(ids(story)) == len(set(ids(story))) == 80


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("reply", [None, "421 enough"], ids=["lost", "421"])
async def test_a_connection_that_dies_among_mails_costs_none_an_attempt(
    story: Story, monkeypatch: pytest.MonkeyPatch, pipelining: bool, reply: str | None
) -> None:
    monkeypatch.setattr(pool, "IDLE", 3600.0)
    story.smtp.pipelining = pipelining
    mails, sender = await queue(story, 1), story.sender(connections=1, in_hand=10)
    await drain(sender)
    story.smtp.acts["rcpt"] = Act(reply, "drop", once=True)
    mails += await queue(story, 9)
    await drain(sender)
    assert story.smtp.connections == 2
    assert len(set(ids(story))) == len(story.smtp.taken) == 10
    for mail_id in mails:
        sent = (await story.life(mail_id))[-1]
        assert isinstance(sent, EmailSent)
        assert sent.attempts == 1


async def test_a_kill_between_the_answers_and_the_record_shows_as_second_attempts(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails, dying, told = await queue(story, 10), many_seats(story), asyncio.Event()

    async def die(*_: object) -> None:
        told.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(dying._outcomes._recorder, "record", die)
    step = asyncio.create_task(dying.step())
    await asyncio.wait_for(told.wait(), 30)

    async def all_seen() -> bool:
        return len(story.smtp.seen) == 10

    await eventually(all_seen, 30)
    step.cancel()
    await dying.abandon()
    story.now += LEASE + timedelta(seconds=1)
    await drain(many_seats(story))
    seen = ids(story)
    assert len(seen) == 20
    assert len(set(seen)) == 10
    for mail_id in mails:
        _, sent = await story.life(mail_id)
        assert isinstance(sent, EmailSent)
        assert sent.attempts == 2


async def _lasts(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not await step():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "act", [HANG, DROP, Act("421 busy", "drop")], ids=["silent", "lost", "421"]
)
async def test_a_server_that_is_away_is_tried_about_once_a_second_in_all(
    story: Story, act: Act
) -> None:
    story.smtp.acts["banner"] = act
    mails, sender = await queue(story, 30), many_seats(story)
    await _lasts(6.0, sender.begin)
    assert 1 <= story.smtp.connections <= 8
    rows = [await story.row(mail_id) for mail_id in mails]
    assert sum(row["attempts"] for row in rows) <= 1
    story.smtp.acts.clear()
    story.now += timedelta(minutes=2)

    async def all_sent() -> bool:
        await sender.begin()
        return await states(story, mails) == {"sent"}

    await eventually(all_sent, 30)
    assert len(story.smtp.taken) == 30


async def test_one_mail_tells_of_the_outage_and_all_go_at_once_when_it_ends(story: Story) -> None:
    mails, sender = await queue(story, 10), many_seats(story)
    await story.smtp.stop()
    while await sender.step():
        pass
    lives = [(await story.life(mail_id))[-1] for mail_id in mails]
    [failed] = [event for event in lives if isinstance(event, EmailFailed)]
    assert failed.next_attempt_at == story.now
    assert "connection" in failed.reason
    await story.smtp.start()

    async def all_sent() -> bool:
        await sender.step()
        return len(story.smtp.taken) == 10

    await eventually(all_sent, 30)
    assert await states(story, mails) == {"sent"}


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("reply", [None, "421 enough"], ids=["lost", "421"])
async def test_a_mail_during_which_a_new_connection_is_lost_is_tried_at_once_then_later_and_later(
    story: Story, pipelining: bool, step: Step, reply: str | None
) -> None:
    story.smtp.pipelining = pipelining
    story.smtp.acts[step] = Act(reply, "drop")
    [mail_id], sender = await queue(story, 1), story.sender()
    begun, waits = story.now, []
    for _ in range(4):
        await drain(sender)
        failed = (await story.life(mail_id))[-1]
        assert isinstance(failed, EmailFailed)
        assert failed.next_attempt_at is not None
        waits.append((failed.next_attempt_at - story.now).total_seconds())
        story.now = failed.next_attempt_at
    assert waits == [10, 60, 300, 900]
    story.smtp.acts.clear()
    story.now = begun + timedelta(hours=1)
    await drain(sender)
    assert await states(story, [mail_id]) == {"sent"}


@pytest.mark.parametrize("step", ["banner", "mail"])
async def test_who_looks_for_due_mails_is_rung_for_one_that_is_due_again(
    story: Story, step: Step
) -> None:
    story.smtp.acts[step] = replace(DROP, once=True)
    [mail_id], sender = await queue(story, 1), story.sender()
    await sender.step()
    assert sender.doorbell.is_set()
    await sender.step()
    assert await states(story, [mail_id]) == {"sent"}


async def test_a_server_that_greets_slowly_is_reached(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.smtp.connector.HANGS", 0.2)
    monkeypatch.setattr(pool, "HANGS", 0.2)
    story.smtp.acts["banner"] = Act("220 at last", delay=1.5)
    mails, sender = await queue(story, 3), many_seats(story)

    async def all_sent() -> bool:
        await sender.step()
        return await states(story, mails) == {"sent"}

    await eventually(all_sent, 30)
    assert {type((await story.life(mail_id))[-1]) for mail_id in mails} == {EmailSent}


async def test_a_refusal_beside_an_attempt_that_hangs_is_told_nobody(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.smtp.connector.HANGS", 0.2)
    story.smtp.acts["banner"] = Act("220 at last", delay=1.0, once=True)
    [mail_id], sender = await queue(story, 1), many_seats(story)
    await sender.begin()

    async def connected() -> bool:
        return story.smtp.connections == 1

    await eventually(connected, 30)
    story.smtp.acts["banner"] = Act("421 busy", "drop")
    await sender.settled()
    assert story.smtp.connections > 1
    assert isinstance((await story.life(mail_id))[-1], EmailSent)


async def test_no_attempt_is_made_beside_the_only_connection_there_may_be(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.smtp.connector.HANGS", 0.05)
    story.smtp.acts["banner"] = Act("220 at last", delay=0.5)
    [mail_id], sender = await queue(story, 1), story.sender(connections=1)
    await sender.step()
    assert isinstance((await story.life(mail_id))[-1], EmailSent)
    assert story.smtp.connections == 1


async def test_at_the_end_what_is_under_way_is_recorded_and_the_rest_put_back(
    story: Story,
) -> None:
    story.smtp.acts["content"] = Act("250 ok", delay=1)
    mails, sender = await queue(story, 10), story.sender(connections=2, in_hand=10)
    await sender.begin()

    async def seen() -> bool:
        return len(story.smtp.seen) == 2

    await eventually(seen, 30)
    await sender.close()
    rows = [await story.row(mail_id) for mail_id in mails]
    assert sorted(row["state"] for row in rows) == ["queued"] * 8 + ["sent"] * 2
    for row in rows:
        assert row["attempts"] == (1 if row["state"] == "sent" else 0)
        assert row["claimed_by"] is None


async def test_from_the_signal_on_the_server_is_told_of_no_further_mail(story: Story) -> None:
    story.smtp.acts["content"] = Act("250 ok", delay=0.5)
    mails, sender = await queue(story, 4), story.sender(connections=1, in_hand=4)
    await sender.begin()

    async def seen() -> bool:
        return len(story.smtp.seen) == 1

    await eventually(seen, 30)
    sender.stop()
    await sender.settled()
    await sender.step()  # that was on its way, with a claim just made
    assert [command[:4] for command in story.smtp.commands].count("MAIL") == 1
    await sender.close()
    rows = [await story.row(mail_id) for mail_id in mails]
    assert sorted(row["state"] for row in rows) == ["queued"] * 3 + ["sent"]


async def test_idle_connections_are_closed(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE", 0.2)
    await queue(story, 1)
    await drain(many_seats(story))

    async def left() -> bool:
        return story.smtp.commands[-1] == "QUIT"

    await eventually(left, 30)


@pytest.mark.parametrize(
    "address",
    ["", "ann", "a@b.c, x@y.z", "<a@b.c> x@y.z", "a@b.c\r\nRCPT TO:<x@y.z>", "a @b.c", "ж@b.c"],
)
async def test_a_bad_address_is_refused_before_smtp(story: Story, address: str) -> None:
    story.auth.address = address
    [mail_id] = await queue(story, 1)
    await drain(many_seats(story))
    failed = (await story.life(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at is None
    assert story.smtp.connections == 0
