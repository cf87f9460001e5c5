"""What people read, through the application on a real database."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.reports.feed import Bell
from services.reports.main import create_app
from services.reports.reactions import react
from services.reports.settings import Settings
from shared.contracts.checker import CheckFailed, FileChecked
from shared.eventsourcing.event import RecordedEvent
from tests.integration.conftest import Pools
from tests.support.apps import as_user, client_of, common_settings, is_problem, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.events import (
    NOON,
    check_failed,
    checked,
    deleted,
    mail_failed,
    queued,
    recorded,
    replaced,
    sent,
    uploaded,
)
from tests.support.keys import Keys


@pytest_asyncio.fixture
async def app(keys: Keys, postgres: PrivateDatabase) -> AsyncIterator[FastAPI]:
    url = postgres.url("reports")
    async with without_loops(
        create_app(Settings(**common_settings("reports", keys), database_url=url))
    ) as app:
        yield app


@pytest.fixture
def ann() -> UUID:
    return uuid4()


@pytest_asyncio.fixture
async def client(app: FastAPI, keys: Keys, ann: UUID) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app, headers=as_user(keys, ann)) as client:
        yield client


async def happen(pools: Pools, *events: RecordedEvent) -> None:
    async with pools("reports").transaction() as connection:
        for event in events:
            await react(connection, event)


def saved(file_id: UUID, user_id: UUID, version: int = 1, *, minute: int = 0) -> RecordedEvent:
    event = uploaded(file_id, user_id) if version == 1 else replaced(file_id, version, user_id)
    at = NOON + timedelta(minutes=minute)
    return recorded(event, f"file-{file_id}", version, at=at)


def result(event: FileChecked | CheckFailed, *, minute: int = 0) -> RecordedEvent:
    at = NOON + timedelta(minutes=minute)
    return recorded(event, f"checks-{event.file_id}", event.version, at=at)


async def _file(client: httpx2.AsyncClient, file_id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/internal/files/{file_id}")).json()
    return found


async def test_a_file_goes_from_new_to_checked_to_replaced(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    await happen(pools, saved(file_id, ann))
    view = await _file(client, file_id)
    assert (view["mark"], view["check"], view["last_check"]) == ("new", "waiting", None)
    first = checked(file_id, 1, ann)
    await happen(pools, result(first))
    view = await _file(client, file_id)
    assert (view["mark"], view["check"]) == ("new", "checked")
    assert view["last_check"]["id"] == str(first.check_id)
    assert view["last_check"]["mail"]["state"] == "waiting"
    await happen(pools, saved(file_id, ann, 2))
    view = await _file(client, file_id)
    assert (view["mark"], view["check"], view["version"]) == ("replaced", "waiting", 2)
    assert view["last_check"]["version"] == 1
    await happen(pools, result(check_failed(file_id, 2, ann)))
    view = await _file(client, file_id)
    assert (view["check"], view["last_check"]["outcome"]) == ("failed", "failed")
    assert view["last_check"]["verdict"] is None


async def test_a_deleted_file_leaves_the_list_but_not_the_log(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id, check = uuid4(), checked(uuid4(), 1, ann)
    check = check.model_copy(update={"file_id": file_id})
    await happen(pools, saved(file_id, ann), result(check))
    await happen(pools, recorded(deleted(file_id, 1, ann), f"file-{file_id}", 2))
    assert is_problem(await client.get(f"/internal/files/{file_id}"), 404, "not_found")
    assert (await client.get("/internal/files")).json() == {"files": [], "next_cursor": None}
    [line] = (await client.get("/internal/checks")).json()["checks"]
    assert line["id"] == str(check.check_id)
    assert (await client.get(f"/internal/checks/{check.check_id}")).status_code == 200


async def test_a_report_tells_everything_and_the_truth_about_its_mail(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id, mail_id = uuid4(), uuid4()
    check = checked(file_id, 1, ann)
    await happen(pools, saved(file_id, ann), result(check))
    states = []
    story = [
        queued(mail_id, check.check_id, ann),
        mail_failed(mail_id, check.check_id, 1, user_id=ann),
        sent(mail_id, check.check_id, 2, ann),
    ]
    for version, event in enumerate(story, start=1):
        await happen(pools, recorded(event, f"mail-{mail_id}", version))
        mail = (await client.get(f"/internal/checks/{check.check_id}")).json()["mail"]
        states.append((mail["state"], mail["attempts"], mail["reason"], mail["sent_at"]))
    assert states == [
        ("queued", 0, None, None),
        ("queued", 1, "recipient refused: 450 grey", None),
        ("sent", 2, None, "2026-11-22T12:00:00Z"),
    ]
    report = (await client.get(f"/internal/checks/{check.check_id}")).json()
    told = check.model_dump(mode="json")
    for name in ("sha256", "engine", "profile", "findings", "counts", "verdict", "outcome"):
        assert report[name] == told[name]


async def test_what_is_not_mine_is_not_there(
    client: httpx2.AsyncClient, app: FastAPI, keys: Keys, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    check = checked(file_id, 1, ann)
    await happen(pools, saved(file_id, ann), result(check))
    async with client_of(app, headers=as_user(keys, uuid4())) as bob:
        paths = (f"files/{file_id}", f"files/{file_id}/checks", f"checks/{check.check_id}")
        for path in paths:
            assert is_problem(await bob.get(f"/internal/{path}"), 404, "not_found")
        assert (await bob.get("/internal/files")).json()["files"] == []
        assert (await bob.get("/internal/checks")).json()["checks"] == []
    async with client_of(app) as nobody:
        assert is_problem(await nobody.get("/internal/files"), 401, "unauthenticated")


@pytest.mark.parametrize("what", ["files", "checks"])
async def test_pages_tell_everything_once_also_when_times_are_equal(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID, what: str
) -> None:
    ids = [uuid4() for _ in range(11)]
    for number, file_id in enumerate(ids):
        minute = number // 4
        check = result(checked(file_id, 1, ann), minute=minute)
        await happen(pools, saved(file_id, ann, minute=minute), check)
    seen: list[str] = []
    times: list[str] = []
    query: dict[str, str | int] = {"limit": 3}
    while True:
        page = (await client.get(f"/internal/{what}", params=query)).json()
        seen += [item["id"] for item in page[what]]
        times += [item["uploaded_at" if what == "files" else "checked_at"] for item in page[what]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 11
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "garbage"},
        {"cursor": "\0"},
        {"cursor": "x" * 300},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "-1"},
        {"limit": "NaN"},
        {"after": "17"},
        {"after": "x"},
    ],
    ids=str,
)
async def test_garbage_is_refused(client: httpx2.AsyncClient, query: dict[str, str]) -> None:
    for what in ("files", "checks"):
        answer = await client.get(f"/internal/{what}", params=query)
        assert is_problem(answer, 422, answer.json()["code"])


async def test_who_names_their_write_reads_it(
    client: httpx2.AsyncClient, app: FastAPI, pools: Pools, ann: UUID
) -> None:
    bell: Bell = app.state.provided[Bell]
    await bell.step()
    file_id = uuid4()
    event = saved(file_id, ann)

    async def later() -> None:
        await asyncio.sleep(0.2)
        await happen(pools, event)

    writing = asyncio.create_task(later())
    query = {"after": str(event.event_id)}
    answer = await client.get(f"/internal/files/{file_id}", params=query)
    assert answer.status_code == 200
    await writing
    again = time.monotonic()
    assert (await client.get("/internal/files", params=query)).json()["files"]
    assert time.monotonic() - again < 0.5


async def test_who_names_a_write_that_never_comes_waits_a_second(
    client: httpx2.AsyncClient,
) -> None:
    started = time.monotonic()
    answer = await client.get("/internal/files", params={"after": str(uuid4())})
    assert answer.json()["files"] == []
    assert 0.9 < time.monotonic() - started < 2.5
