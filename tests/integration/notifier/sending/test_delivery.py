"""Mails that had to wait for a connection: they are prepared once more."""

import asyncio
from uuid import UUID

import pytest

from services.notifier.main import SenderLimits
from services.notifier.smtp.pool import MailServerUnavailable
from shared.contracts.notifier import EmailFailed
from shared.web.client import ServiceUnavailable
from tests.integration.notifier.harness import NotifierHarness
from tests.support.events import ANN, BOB
from tests.support.smtp_server import Act
from tests.support.waiting import eventually


async def test_a_mail_prepared_again_during_the_stop_is_put_back(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = SenderLimits(fresh=-1.0)
    [mail_id], sender, find = (
        await notifier.queue_results(1),
        notifier.concurrent_sender(limits=limits),
        notifier.auth.find,
    )
    finds = [0]

    async def find_and_stop(user_ids: set[UUID]) -> object:
        finds[0] += 1
        if finds[0] == 2:
            sender.stop()
        return await find(user_ids)

    monkeypatch.setattr(notifier.auth, "find", find_and_stop)
    await sender.step()
    assert finds == [2]
    assert (await notifier.row(mail_id))["state"] == "queued"
    assert notifier.smtp.seen == []


async def test_a_mail_that_had_to_wait_is_prepared_again(notifier: NotifierHarness) -> None:
    """Its reader may be gone meanwhile."""
    notifier.smtp.acts["content"] = Act("250 ok", delay=2.5)
    [first], sender = await notifier.queue_results(1), notifier.sender(connections=1, in_hand=2)
    [second] = await notifier.queue_results(1, BOB)
    step = asyncio.create_task(sender.step())

    async def seen() -> bool:
        return len(notifier.smtp.seen) == 1

    await eventually(seen, 30)
    notifier.auth.gone |= {ANN, BOB}
    await step
    assert sorted([(await notifier.row(m))["state"] for m in (first, second)]) == [
        "sent", "suppressed",
    ]  # fmt: skip
    assert len(notifier.smtp.seen) == 1


async def test_all_stale_mails_are_put_back_after_one_call_that_fails(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = SenderLimits(fresh=-1.0)
    mails, find, asked = await notifier.queue_results(10), notifier.auth.find, list[int]()

    async def freeze(user_ids: set[UUID]) -> object:
        asked.append(len(user_ids))
        if len(asked) > 1:
            await asyncio.sleep(0.2)
            raise ServiceUnavailable
        return await find(user_ids)

    monkeypatch.setattr(notifier.auth, "find", freeze)
    await notifier.sender(connections=2, in_hand=10, limits=limits).step()
    assert asked == [1, 1]
    assert await notifier.states(mails) == {"queued"}
    assert {(await notifier.row(mail_id))["attempts"] for mail_id in mails} == {0}
    assert notifier.smtp.seen == []


async def test_freshness_counts_from_the_call_not_from_its_response(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the moment on when it was asked the reader may be gone."""
    limits = SenderLimits(fresh=0.3)
    mails, find = (
        [*await notifier.queue_results(1), await notifier.queue_new_sign_in()],
        notifier.auth.find,
    )
    account_mail, asked = notifier.auth.account_mail, 0

    async def find_slowly(user_ids: set[UUID]) -> object:
        found = await find(user_ids)
        await asyncio.sleep(0.4)
        notifier.auth.gone.add(ANN)
        return found

    async def make_slowly(request_id: UUID) -> object:
        nonlocal asked
        asked += 1
        made = await account_mail(request_id)
        await asyncio.sleep(0.4)
        notifier.auth.unwanted = True
        return made

    monkeypatch.setattr(notifier.auth, "find", find_slowly)
    monkeypatch.setattr(notifier.auth, "account_mail", make_slowly)
    await notifier.concurrent_sender(limits=limits).run_until_idle()
    assert await notifier.states(mails) == {"suppressed"}
    assert asked == 2
    assert notifier.smtp.seen == []


async def test_no_reason_repeats_the_address_that_was_found_last(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = SenderLimits(fresh=-1.0)
    find = notifier.auth.find

    async def find_and_move(user_ids: set[UUID]) -> object:
        found = await find(user_ids)
        notifier.auth.address = "moved@example.net"
        return found

    monkeypatch.setattr(notifier.auth, "find", find_and_move)
    notifier.smtp.acts["rcpt"] = Act("550 nobody is called moved@example.net")
    [mail_id] = await notifier.queue_results(1)
    await notifier.concurrent_sender(limits=limits).run_until_idle()
    assert "RCPT TO:<moved@example.net>" in notifier.smtp.commands
    failed = (await notifier.events(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert "nobody is called" in failed.reason
    assert "moved" not in failed.reason


async def test_a_mail_put_back_while_it_is_prepared_again_is_not_kept_in_memory(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = SenderLimits(fresh=-1.0)
    mails, sender, find = (
        await notifier.queue_results(3),
        notifier.concurrent_sender(limits=limits),
        notifier.auth.find,
    )
    asked = 0

    async def find_late(user_ids: set[UUID]) -> object:
        nonlocal asked
        asked += 1
        if asked == 2:
            sender._pool._fail(MailServerUnavailable, list(sender._pool._queue))
            await asyncio.sleep(0.1)
        return await find(user_ids)

    monkeypatch.setattr(notifier.auth, "find", find_late)
    await sender.run_until_idle()
    assert await notifier.states(mails) == {"sent"}
    assert not sender._deliverer._waiting
