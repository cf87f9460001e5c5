"""Tasks that wait for an event wake when the journal has it."""

import asyncio
import time
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI

from services.reports.journal import MAX_USERS_IN_NOTIFICATION
from services.reports.journal_listener import JournalListener
from shared.db import Database
from shared.errors import Unavailable
from tests.integration.conftest import Pools
from tests.integration.reports.harness import file_saved, receive, receive_batch
from tests.support.apps import as_user
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN, BOB, uploaded
from tests.support.keys import Keys
from tests.support.proxy import proxy_to


async def test_a_notification_wakes_only_the_users_it_names(
    pools: Pools, listener: JournalListener
) -> None:
    await listener.step()
    anns, bobs, before = (
        listener.next_notification(ANN),
        listener.next_notification(BOB),
        listener.notifications,
    )
    await receive_batch(pools, uploaded(uuid4(), ANN))
    await asyncio.wait_for(anns.wait(), 5)
    assert not bobs.is_set()
    assert listener.notifications == before + 1


async def test_a_notification_about_more_users_than_it_can_name_wakes_all(
    pools: Pools, listener: JournalListener
) -> None:
    await listener.step()
    bobs = listener.next_notification(BOB)
    await receive_batch(
        pools, *(uploaded(uuid4(), uuid4()) for _ in range(MAX_USERS_IN_NOTIFICATION))
    )
    await asyncio.sleep(0.1)
    assert not bobs.is_set()
    await receive_batch(
        pools, *(uploaded(uuid4(), uuid4()) for _ in range(MAX_USERS_IN_NOTIFICATION + 1))
    )
    await asyncio.wait_for(bobs.wait(), 5)


async def test_a_lost_connection_raises_and_the_next_step_connects_again(
    pools: Pools, postgres: PrivateDatabase
) -> None:
    async with proxy_to(postgres.url("reports")) as (proxy, url):
        database = Database(url)
        listener = JournalListener(database)
        await listener.step()
        await proxy.cut()
        with pytest.raises(Unavailable):
            await listener.step()
        await proxy.mend()
        notified = listener.next_notification(ANN)
        await listener.step()
        assert notified.is_set()  # it may have missed a notification
        notified = listener.next_notification(ANN)
        await receive_batch(pools, uploaded(uuid4(), ANN))
        await asyncio.wait_for(notified.wait(), 5)
        await listener.close()
        await database.close()


async def test_a_request_that_names_an_event_waits_for_it(
    client: httpx2.AsyncClient, app: FastAPI, pools: Pools, ann: UUID
) -> None:
    listener: JournalListener = app.state.provided[JournalListener]
    await listener.step()
    file_id = uuid4()
    event = file_saved(file_id, ann)

    async def later() -> None:
        await asyncio.sleep(0.2)
        await receive(pools, event)

    writing = asyncio.create_task(later())
    query = {"after": str(event.event_id)}
    answer = await client.get(f"/internal/files/{file_id}", params=query)
    assert answer.status_code == 200
    await writing
    again = time.monotonic()
    assert (await client.get("/internal/files", params=query)).json()["files"]
    assert time.monotonic() - again < 0.5


async def test_a_request_for_an_event_that_never_comes_waits_a_second(
    client: httpx2.AsyncClient,
) -> None:
    started = time.monotonic()
    answer = await client.get("/internal/files", params={"after": str(uuid4())})
    assert answer.json()["files"] == []
    assert 0.9 < time.monotonic() - started < 2.5


async def test_a_user_who_waited_in_vain_waits_again_after_a_notification(
    client: httpx2.AsyncClient, app: FastAPI, pools: Pools, ann: UUID
) -> None:
    """While the pipeline is stopped, only the first page costs a second."""
    listener: JournalListener = app.state.provided[JournalListener]
    await listener.step()

    async def seconds() -> float:
        started = time.monotonic()
        await client.get("/internal/files", params={"after": str(uuid4())})
        return time.monotonic() - started

    assert await seconds() > 0.9
    assert max([await seconds() for _ in range(3)]) < 0.5
    await receive(pools, file_saved(uuid4(), uuid4()))
    await asyncio.sleep(0.2)
    assert await seconds() > 0.9


async def test_a_user_waits_although_another_waited_in_vain(
    client: httpx2.AsyncClient, app: FastAPI, pools: Pools, keys: Keys, ann: UUID
) -> None:
    listener: JournalListener = app.state.provided[JournalListener]
    await listener.step()
    await client.get("/internal/files", params={"after": str(uuid4())})
    bob = uuid4()
    event = file_saved(uuid4(), bob)

    async def later() -> None:
        await asyncio.sleep(0.3)
        await receive(pools, event)

    writing = asyncio.create_task(later())
    query = {"after": str(event.event_id)}
    answer = await client.get("/internal/files", params=query, headers=as_user(keys, bob))
    assert len(answer.json()["files"]) == 1
    await writing
