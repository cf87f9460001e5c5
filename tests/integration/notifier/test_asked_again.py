"""Mails that waited for a connection: auth is asked about them again."""

import asyncio
from uuid import UUID

import pytest

from services.notifier.sending import preparation
from services.notifier.smtp.pool import ServerAway
from shared.contracts.notifier import EmailFailed
from shared.web.client import ServiceAway
from tests.integration.notifier.seats import ask, drain, many_seats, queue, states
from tests.integration.notifier.story import Story
from tests.support.events import ANN, BOB
from tests.support.smtp_server import Act
from tests.support.waiting import eventually


async def test_a_mail_that_was_asked_about_when_the_signal_came_is_put_back(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "FRESH", -1.0)
    [mail_id], sender, find = await queue(story, 1), many_seats(story), story.auth.find
    finds = [0]

    async def find_and_stop(user_ids: set[UUID]) -> object:
        finds[0] += 1
        if finds[0] == 2:
            sender.stop()
        return await find(user_ids)

    monkeypatch.setattr(story.auth, "find", find_and_stop)
    await sender.step()
    assert finds == [2]
    assert (await story.row(mail_id))["state"] == "queued"
    assert story.smtp.seen == []


async def test_a_mail_that_had_to_wait_is_asked_about_again(story: Story) -> None:
    """Its reader may be gone meanwhile."""
    story.smtp.acts["content"] = Act("250 ok", delay=2.5)
    [first], sender = await queue(story, 1), story.sender(connections=1, in_hand=2)
    [second] = await queue(story, 1, BOB)
    step = asyncio.create_task(sender.step())

    async def seen() -> bool:
        return len(story.smtp.seen) == 1

    await eventually(seen, 30)
    story.auth.gone |= {ANN, BOB}
    await step
    assert sorted([(await story.row(m))["state"] for m in (first, second)]) == [
        "sent", "suppressed",
    ]  # fmt: skip
    assert len(story.smtp.seen) == 1


async def test_when_auth_is_frozen_all_that_waited_are_put_back_after_one_question(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "FRESH", -1.0)
    mails, find, asked = await queue(story, 10), story.auth.find, list[int]()

    async def freeze(user_ids: set[UUID]) -> object:
        asked.append(len(user_ids))
        if len(asked) > 1:
            await asyncio.sleep(0.2)
            raise ServiceAway
        return await find(user_ids)

    monkeypatch.setattr(story.auth, "find", freeze)
    await story.sender(connections=2, in_hand=10).step()
    assert asked == [1, 1]
    assert await states(story, mails) == {"queued"}
    assert {(await story.row(mail_id))["attempts"] for mail_id in mails} == {0}
    assert story.smtp.seen == []


async def test_what_auth_said_slowly_is_no_longer_fresh(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the moment on when it was asked the reader may be gone."""
    monkeypatch.setattr(preparation, "FRESH", 0.3)
    mails, find = [*await queue(story, 1), await ask(story)], story.auth.find
    account_mail, asked = story.auth.account_mail, 0

    async def find_slowly(user_ids: set[UUID]) -> object:
        found = await find(user_ids)
        await asyncio.sleep(0.4)
        story.auth.gone.add(ANN)
        return found

    async def make_slowly(request_id: UUID) -> object:
        nonlocal asked
        asked += 1
        made = await account_mail(request_id)
        await asyncio.sleep(0.4)
        story.auth.unwanted = True
        return made

    monkeypatch.setattr(story.auth, "find", find_slowly)
    monkeypatch.setattr(story.auth, "account_mail", make_slowly)
    await drain(many_seats(story))
    assert await states(story, mails) == {"suppressed"}
    assert asked == 2
    assert story.smtp.seen == []


async def test_no_word_of_the_server_repeats_the_address_that_was_found_out_last(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "FRESH", -1.0)
    find = story.auth.find

    async def find_and_move(user_ids: set[UUID]) -> object:
        found = await find(user_ids)
        story.auth.address = "moved@example.net"
        return found

    monkeypatch.setattr(story.auth, "find", find_and_move)
    story.smtp.acts["rcpt"] = Act("550 nobody is called moved@example.net")
    [mail_id] = await queue(story, 1)
    await drain(many_seats(story))
    assert "RCPT TO:<moved@example.net>" in story.smtp.commands
    failed = (await story.life(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert "nobody is called" in failed.reason
    assert "moved" not in failed.reason


async def test_a_mail_that_was_put_back_while_it_was_asked_about_leaves_nothing_behind(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "FRESH", -1.0)
    mails, sender, find = await queue(story, 3), many_seats(story), story.auth.find
    asked = 0

    async def find_late(user_ids: set[UUID]) -> object:
        nonlocal asked
        asked += 1
        if asked == 2:
            sender._pool._tell(ServerAway, list(sender._pool._queue))
            await asyncio.sleep(0.1)
        return await find(user_ids)

    monkeypatch.setattr(story.auth, "find", find_late)
    await drain(sender)
    assert await states(story, mails) == {"sent"}
    assert not sender._deliverer._waiting
