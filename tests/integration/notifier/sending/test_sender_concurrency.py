"""Many mails at a time: their order, their connections, and a mail server that is unavailable."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.claims.claiming import is_any_due
from services.notifier.claims.due_mails import LEASE
from services.notifier.main import SenderLimits
from services.notifier.projections import MAILS
from services.notifier.smtp.connection import ConnectionLimits
from shared.contracts.notifier import EmailFailed, EmailSent
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.store import Batch, EventStore
from shared.ids import derived_id
from tests.integration.notifier.harness import STORE, NotifierHarness
from tests.support.events import ANN, BOB
from tests.support.smtp_server import DROP, HANG, Act, Step
from tests.support.waiting import eventually

CLARA = UUID("0190b2aa-7c1e-7d53-9f1e-3b0c8f7f5a99")


@pytest.mark.parametrize("pipelining", [False, True])
async def test_many_mails_need_few_connections(notifier: NotifierHarness, pipelining: bool) -> None:
    notifier.smtp.pipelining = pipelining
    mails = await notifier.queue_results(60)
    await notifier.concurrent_sender().run_until_idle()
    assert len(notifier.smtp.taken) == len(set(notifier.message_ids())) == 60
    assert 1 <= notifier.smtp.connections <= 4
    assert await notifier.states(mails) == {"sent"}


async def test_used_up_connections_are_replaced_without_a_pause(
    notifier: NotifierHarness,
) -> None:
    """Pauses are for a server that is unavailable."""
    limits = SenderLimits(hang=3600.0, connection=ConnectionLimits(mails=1))
    await notifier.queue_results(12)
    await asyncio.wait_for(notifier.concurrent_sender(limits=limits).run_until_idle(), 60)
    assert notifier.smtp.connections == len(notifier.smtp.taken) == 12


class CountingStore(EventStore):
    """Notes the sizes of the sets that are appended."""

    def __init__(self) -> None:
        super().__init__(STORE.types, [MAILS])
        self.sizes: list[int] = []

    async def append_many(
        self, connection: AsyncConnection, batches: Sequence[Batch]
    ) -> list[RecordedEvent]:
        self.sizes.append(len(batches))
        return await super().append_many(connection, batches)


async def test_outcomes_are_recorded_in_sets(notifier: NotifierHarness) -> None:
    mails, store = await notifier.queue_results(25), CountingStore()
    await notifier.concurrent_sender(store=store).run_until_idle()
    sizes = store.sizes
    assert sum(sizes) == 25
    assert len(sizes) < 25  # how many there are depends on how fast the machine is
    for mail_id in mails:
        sent = (await notifier.recorded_events(mail_id))[-1]
        assert isinstance(sent.event, EmailSent)
        assert sent.metadata.causation_id is not None


async def test_contacts_are_found_in_one_call_a_batch(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await notifier.queue_results(10)
    await notifier.queue_results(10, BOB)
    asked, find = [], notifier.auth.find

    async def look(user_ids: set[UUID]) -> object:
        asked.append(user_ids)
        return await find(user_ids)

    monkeypatch.setattr(notifier.auth, "find", look)
    await notifier.concurrent_sender().run_until_idle()
    assert asked == [{ANN, BOB}]
    assert len(notifier.smtp.taken) == 20


async def test_a_user_who_is_gone_does_not_stop_the_mails_of_others(
    notifier: NotifierHarness,
) -> None:
    gone, mails = await notifier.queue_results(3, BOB), await notifier.queue_results(3)
    notifier.auth.gone.add(BOB)
    await notifier.concurrent_sender().run_until_idle()
    assert await notifier.states(gone) == {"suppressed"}
    assert await notifier.states(mails) == {"sent"}


@pytest.mark.parametrize("in_hand", [1, 4, 5, 50])
async def test_users_take_turns_with_their_oldest_result(
    notifier: NotifierHarness, in_hand: int
) -> None:
    """Whatever fits into one claim, the next one goes on where it ended."""
    mails = {user: await notifier.queue_results(7, user) for user in (ANN, BOB, CLARA)}
    people = sorted(mails)
    expected = [mails[user][number] for number in range(7) for user in people]
    taken: list[UUID] = []
    sender = notifier.sender(in_hand=in_hand)
    while claimed := await sender.claim():
        taken += [mail.mail_id for mail in claimed]
        await sender.put_back(claimed, timedelta(hours=1))
    assert taken == expected


async def test_mails_about_accounts_alternate_with_results(
    notifier: NotifierHarness,
) -> None:
    results, accounts = (
        await notifier.queue_results(6),
        [await notifier.queue_new_sign_in() for _ in range(20)],
    )
    sender = notifier.sender(in_hand=9)
    first = [mail.mail_id for mail in await sender.claim()]
    assert [mail_id in results for mail_id in first] == [False, True] * 4 + [False]
    assert first[::2] == accounts[:5]
    await sender.put_back(list(sender.in_hand.values()), timedelta(hours=1))
    second = [mail.mail_id for mail in await sender.claim()]
    assert second[:4] == [results[4], accounts[5], results[5], accounts[6]]


async def test_mails_about_accounts_alternate_with_results_in_the_connection_queue(
    notifier: NotifierHarness,
) -> None:
    notifier.smtp.acts["content"] = Act("250 ok", delay=2.0, once=True)
    await notifier.queue_results(5)
    sender = notifier.sender(connections=1, in_hand=10)
    await sender.begin_step()

    async def seen() -> bool:
        return len(notifier.smtp.seen) == 1

    await eventually(seen, 30)
    accounts = {
        str(derived_id("new_sign_in", await notifier.queue_new_sign_in())) for _ in range(2)
    }
    await sender.step()
    left = [message_id.strip("<>").partition("@")[0] for message_id in notifier.message_ids()]
    assert [name in accounts for name in left] == [False, True] * 2 + [False] * 3


async def test_what_is_in_hand_is_not_claimed_again(notifier: NotifierHarness) -> None:
    notifier.smtp.acts["content"] = Act("250 ok", delay=0.5)
    mails = await notifier.queue_results(8)
    sender = notifier.sender(connections=2, in_hand=4)
    await sender.run_until_idle()
    assert len(notifier.smtp.seen) == 8
    for mail_id in mails:
        assert (await notifier.row(mail_id))["unfinished"] == 0
        assert (await notifier.row(mail_id))["attempts"] == 1


async def test_what_waits_to_be_recorded_is_not_sent_again_when_its_lease_has_passed(
    notifier: NotifierHarness,
) -> None:
    mails, recorder = await notifier.queue_results(2), notifier.hanging_recorder()
    mails.append(await notifier.queue_new_sign_in())
    sender = notifier.sender(in_hand=4, recorder=recorder)
    await sender.begin_step()

    async def seen() -> bool:
        return len(notifier.smtp.seen) == 3

    await eventually(seen, 30)
    notifier.now += LEASE + timedelta(seconds=1)
    assert not await sender.begin_step()
    async with notifier.database.transaction() as connection:
        assert not await is_any_due(connection, notifier.now, sender.in_hand)
    recorder.may_record.set()
    await sender.run_until_idle()
    assert await notifier.states(mails) == {"sent"}
    assert len(notifier.smtp.seen) == 3


async def test_two_copies_send_each_mail_once(notifier: NotifierHarness) -> None:
    mails = await notifier.queue_results(40) + await notifier.queue_results(40, BOB)

    async def work() -> None:
        sender = notifier.concurrent_sender()
        while await notifier.states(mails) != {"sent"}:
            await sender.step()

    await asyncio.gather(work(), work())
    assert len(notifier.message_ids()) == len(set(notifier.message_ids())) == 80


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("reply", [None, "421 enough"], ids=["lost", "421"])
async def test_a_connection_lost_between_mails_costs_none_an_attempt(
    notifier: NotifierHarness, pipelining: bool, reply: str | None
) -> None:
    limits = SenderLimits(idle=3600.0)
    notifier.smtp.pipelining = pipelining
    mails = await notifier.queue_results(1)
    sender = notifier.sender(connections=1, in_hand=10, limits=limits)
    await sender.run_until_idle()
    notifier.smtp.acts["rcpt"] = Act(reply, "drop", once=True)
    mails += await notifier.queue_results(9)
    await sender.run_until_idle()
    assert notifier.smtp.connections == 2
    assert len(set(notifier.message_ids())) == len(notifier.smtp.taken) == 10
    for mail_id in mails:
        sent = (await notifier.events(mail_id))[-1]
        assert isinstance(sent, EmailSent)
        assert sent.attempts == 1


async def test_a_kill_between_the_replies_and_the_record_shows_as_second_attempts(
    notifier: NotifierHarness,
) -> None:
    mails, recorder = await notifier.queue_results(10), notifier.hanging_recorder()
    dying = notifier.concurrent_sender(recorder=recorder)
    step = asyncio.create_task(dying.step())
    await asyncio.wait_for(recorder.reached.wait(), 30)

    async def all_seen() -> bool:
        return len(notifier.smtp.seen) == 10

    await eventually(all_seen, 30)
    step.cancel()
    await dying.kill()
    notifier.now += LEASE + timedelta(seconds=1)
    await notifier.concurrent_sender().run_until_idle()
    seen = notifier.message_ids()
    assert len(seen) == 20
    assert len(set(seen)) == 10
    for mail_id in mails:
        _, sent = await notifier.events(mail_id)
        assert isinstance(sent, EmailSent)
        assert sent.attempts == 2


async def _repeat_for(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not await step():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "act", [HANG, DROP, Act("421 busy", "drop")], ids=["silent", "lost", "421"]
)
async def test_an_unavailable_server_is_tried_about_once_a_second_in_all(
    notifier: NotifierHarness, act: Act
) -> None:
    notifier.smtp.acts["banner"] = act
    mails, sender = await notifier.queue_results(30), notifier.concurrent_sender()
    await _repeat_for(6.0, sender.begin_step)
    assert 1 <= notifier.smtp.connections <= 8
    rows = [await notifier.row(mail_id) for mail_id in mails]
    assert sum(row["attempts"] for row in rows) <= 1
    notifier.smtp.acts.clear()
    notifier.now += timedelta(minutes=2)

    async def all_sent() -> bool:
        await sender.begin_step()
        return await notifier.states(mails) == {"sent"}

    await eventually(all_sent, 30)
    assert len(notifier.smtp.taken) == 30


async def test_an_outage_fails_one_mail_and_all_are_sent_when_it_ends(
    notifier: NotifierHarness,
) -> None:
    mails, sender = await notifier.queue_results(10), notifier.concurrent_sender()
    await notifier.smtp.stop()
    while await sender.step():
        pass
    lives = [(await notifier.events(mail_id))[-1] for mail_id in mails]
    [failed] = [event for event in lives if isinstance(event, EmailFailed)]
    assert failed.next_attempt_at == notifier.now
    assert "connection" in failed.reason
    await notifier.smtp.start()

    async def all_sent() -> bool:
        await sender.step()
        return len(notifier.smtp.taken) == 10

    await eventually(all_sent, 30)
    assert await notifier.states(mails) == {"sent"}


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("reply", [None, "421 enough"], ids=["lost", "421"])
async def test_a_mail_whose_new_connection_is_lost_is_tried_at_once_then_each_time_later(
    notifier: NotifierHarness, pipelining: bool, step: Step, reply: str | None
) -> None:
    notifier.smtp.pipelining = pipelining
    notifier.smtp.acts[step] = Act(reply, "drop")
    [mail_id], sender = await notifier.queue_results(1), notifier.sender()
    begun, waits = notifier.now, []
    for _ in range(4):
        await sender.run_until_idle()
        failed = (await notifier.events(mail_id))[-1]
        assert isinstance(failed, EmailFailed)
        assert failed.next_attempt_at is not None
        waits.append((failed.next_attempt_at - notifier.now).total_seconds())
        notifier.now = failed.next_attempt_at
    assert waits == [10, 60, 300, 900]
    notifier.smtp.acts.clear()
    notifier.now = begun + timedelta(hours=1)
    await sender.run_until_idle()
    assert await notifier.states([mail_id]) == {"sent"}


@pytest.mark.parametrize("step", ["banner", "mail"])
async def test_the_doorbell_rings_for_a_mail_that_is_due_again(
    notifier: NotifierHarness, step: Step
) -> None:
    notifier.smtp.acts[step] = replace(DROP, once=True)
    [mail_id], sender = await notifier.queue_results(1), notifier.sender()
    await sender.step()
    assert sender.doorbell.is_set()
    await sender.step()
    assert await notifier.states([mail_id]) == {"sent"}


async def test_a_server_that_greets_slowly_is_reached(
    notifier: NotifierHarness,
) -> None:
    notifier.smtp.acts["banner"] = Act("220 at last", delay=1.5)
    sender = notifier.concurrent_sender(limits=SenderLimits(hang=0.2))
    mails = await notifier.queue_results(3)

    async def all_sent() -> bool:
        await sender.step()
        return await notifier.states(mails) == {"sent"}

    await eventually(all_sent, 30)
    assert {type((await notifier.events(mail_id))[-1]) for mail_id in mails} == {EmailSent}


async def test_a_refusal_beside_an_attempt_that_hangs_fails_no_mail(
    notifier: NotifierHarness,
) -> None:
    notifier.smtp.acts["banner"] = Act("220 at last", delay=1.0, once=True)
    sender = notifier.concurrent_sender(limits=SenderLimits(hang=0.2))
    [mail_id] = await notifier.queue_results(1)
    await sender.begin_step()

    async def connected() -> bool:
        return notifier.smtp.connections == 1

    await eventually(connected, 30)
    notifier.smtp.acts["banner"] = Act("421 busy", "drop")
    await sender.wait_until_recorded()
    assert notifier.smtp.connections > 1
    assert isinstance((await notifier.events(mail_id))[-1], EmailSent)


async def test_with_one_connection_there_is_one_attempt_at_a_time(
    notifier: NotifierHarness,
) -> None:
    notifier.smtp.acts["banner"] = Act("220 at last", delay=0.5)
    sender = notifier.sender(connections=1, limits=SenderLimits(hang=0.05))
    [mail_id] = await notifier.queue_results(1)
    await sender.step()
    assert isinstance((await notifier.events(mail_id))[-1], EmailSent)
    assert notifier.smtp.connections == 1


async def test_close_records_deliveries_under_way_and_puts_the_rest_back(
    notifier: NotifierHarness,
) -> None:
    notifier.smtp.acts["content"] = Act("250 ok", delay=1)
    mails, sender = await notifier.queue_results(10), notifier.sender(connections=2, in_hand=10)
    await sender.begin_step()

    async def seen() -> bool:
        return len(notifier.smtp.seen) == 2

    await eventually(seen, 30)
    await sender.close()
    rows = [await notifier.row(mail_id) for mail_id in mails]
    assert sorted(row["state"] for row in rows) == ["queued"] * 8 + ["sent"] * 2
    for row in rows:
        assert row["attempts"] == (1 if row["state"] == "sent" else 0)
        assert row["claimed_by"] is None


async def test_after_stop_no_further_delivery_begins(
    notifier: NotifierHarness,
) -> None:
    notifier.smtp.acts["content"] = Act("250 ok", delay=0.5)
    mails, sender = await notifier.queue_results(4), notifier.sender(connections=1, in_hand=4)
    await sender.begin_step()

    async def seen() -> bool:
        return len(notifier.smtp.seen) == 1

    await eventually(seen, 30)
    sender.stop()
    await sender.wait_until_recorded()
    await sender.step()  # that was on its way, with a claim just made
    assert [command[:4] for command in notifier.smtp.commands].count("MAIL") == 1
    await sender.close()
    rows = [await notifier.row(mail_id) for mail_id in mails]
    assert sorted(row["state"] for row in rows) == ["queued"] * 3 + ["sent"]


async def test_idle_connections_are_closed(
    notifier: NotifierHarness,
) -> None:
    await notifier.queue_results(1)
    await notifier.concurrent_sender(limits=SenderLimits(idle=0.2)).run_until_idle()

    async def left() -> bool:
        return notifier.smtp.commands[-1] == "QUIT"

    await eventually(left, 30)


@pytest.mark.parametrize(
    "address",
    ["", "ann", "a@b.c, x@y.z", "<a@b.c> x@y.z", "a@b.c\r\nRCPT TO:<x@y.z>", "a @b.c", "ж@b.c"],
)
async def test_a_bad_address_is_refused_before_smtp(
    notifier: NotifierHarness, address: str
) -> None:
    notifier.auth.address = address
    [mail_id] = await notifier.queue_results(1)
    await notifier.concurrent_sender().run_until_idle()
    failed = (await notifier.events(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at is None
    assert notifier.smtp.connections == 0
