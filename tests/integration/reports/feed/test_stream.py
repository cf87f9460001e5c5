"""The feed sends each change once, also to a client that comes back."""

import asyncio
from uuid import uuid4

from sqlalchemy import text

from services.reports.feed.reader import FeedReader
from services.reports.feed.stream import stream
from services.reports.journal_listener import JournalListener
from shared.contracts.auth import AccountMailRequested
from shared.contracts.notifier import EmailQueued
from tests.integration.conftest import Pools
from tests.integration.reports.harness import last_position, next_message, open_feed, receive_batch
from tests.support.events import checked, queued, sent, uploaded


async def test_changes_are_sent_as_they_happen(pools: Pools, listener: JournalListener) -> None:
    ann, file_id, mail_id = uuid4(), uuid4(), uuid4()
    await listener.step()
    async with open_feed(pools, listener, ann) as feed:
        check = checked(file_id, 1, ann)
        for event, name, ids in (
            (uploaded(file_id, ann), "file", {"file_id": str(file_id)}),
            (check, "check", {"file_id": str(file_id), "check_id": str(check.check_id)}),
            (queued(mail_id, check.check_id, ann), "mail", {"check_id": str(check.check_id)}),
            (sent(mail_id, check.check_id, 1, ann), "mail", {"check_id": str(check.check_id)}),
        ):
            await receive_batch(pools, event)
            message = await next_message(feed)
            assert message.event == name
            assert message.data == {"type": event.type_name(), **ids}


async def test_a_client_that_comes_back_receives_what_it_missed_and_nothing_twice(
    pools: Pools, listener: JournalListener
) -> None:
    ann, files = uuid4(), [uuid4() for _ in range(7)]
    await listener.step()
    received: list[str] = []
    after = await last_position(pools("reports"))
    await receive_batch(pools, *(uploaded(file_id, ann) for file_id in files[:3]))
    for count in (2, 2, 3):
        async with open_feed(pools, listener, ann, after) as feed:
            if count == 3:
                await receive_batch(pools, *(uploaded(file_id, ann) for file_id in files[5:]))
            for _ in range(count):
                message = await next_message(feed)
                assert isinstance(message.data, dict)
                received.append(message.data["file_id"])
                assert message.id is not None
                after = int(message.id)
        if count == 2 and len(received) == 2:
            await receive_batch(pools, *(uploaded(file_id, ann) for file_id in files[3:5]))
    assert received == [str(file_id) for file_id in files]


_SPOIL = """
UPDATE journal SET data = '[]' WHERE position = (
    SELECT max(position) FROM journal WHERE user_id = :user_id)
"""


async def test_an_event_that_cannot_be_read_is_skipped(
    pools: Pools, listener: JournalListener
) -> None:
    ann, after = uuid4(), await last_position(pools("reports"))
    unreadable, readable = uuid4(), uuid4()
    await receive_batch(pools, uploaded(unreadable, ann))
    async with pools("reports").transaction() as connection:
        await connection.execute(text(_SPOIL), {"user_id": ann})
    await receive_batch(pools, uploaded(readable, ann))
    try:
        async with open_feed(pools, listener, ann, after) as feed:
            message = await next_message(feed)
            assert isinstance(message.data, dict)
            assert message.data["file_id"] == str(readable)
    finally:  # what is built from the journal could not be built any more
        async with pools("reports").transaction() as connection:
            await connection.execute(text("DELETE FROM journal WHERE data = '[]'"))


async def test_a_feed_has_only_events_of_its_user(pools: Pools, listener: JournalListener) -> None:
    ann, bob, mine = uuid4(), uuid4(), uuid4()
    await listener.step()
    async with open_feed(pools, listener, ann) as feed:
        await receive_batch(
            pools, uploaded(uuid4(), bob), uploaded(mine, ann), uploaded(uuid4(), bob)
        )
        message = await next_message(feed)
        assert isinstance(message.data, dict)
        assert message.data["file_id"] == str(mine)


async def test_what_is_about_no_file_is_kept_quiet(pools: Pools, listener: JournalListener) -> None:
    """Whether a mail about the account was written may tell of somebody else's account."""
    ann, mine, mail_id = uuid4(), uuid4(), uuid4()
    await listener.step()
    async with open_feed(pools, listener, ann) as feed:
        await receive_batch(
            pools,
            AccountMailRequested(user_id=ann, request_id=mail_id, kind="confirm_new_email"),
            EmailQueued(mail_id=mail_id, user_id=ann, kind="confirm_new_email"),
            uploaded(mine, ann),
        )
        message = await next_message(feed)
        assert isinstance(message.data, dict)
        assert message.data["file_id"] == str(mine)


async def test_more_than_a_page_is_sent(pools: Pools, listener: JournalListener) -> None:
    ann, after = uuid4(), await last_position(pools("reports"))
    await receive_batch(pools, *(uploaded(uuid4(), ann) for _ in range(230)))
    async with open_feed(pools, listener, ann, after) as feed:
        positions = [int((await next_message(feed)).id or 0) for _ in range(230)]
    assert positions == sorted(set(positions))


async def test_a_feed_ends_when_the_service_does(pools: Pools, listener: JournalListener) -> None:
    stopping = asyncio.Event()

    async def listen() -> int:
        feed = stream(listener, FeedReader(pools("reports")), uuid4(), None, stopping)
        return len([message async for message in feed])

    task = asyncio.create_task(listen())
    await asyncio.sleep(0.1)
    stopping.set()
    assert await asyncio.wait_for(task, 3) == 1
