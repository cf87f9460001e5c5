"""503: the command was not done. 2xx: it was done once. 504: unknown, but not done twice."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shared import deadline
from shared.db import Database
from tests.integration.conftest import Pools
from tests.integration.files.harness import MakeApp, Person, person
from tests.support.apps import is_problem
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys
from tests.support.waiting import eventually
from tests.support.wire import Fault, Moment, Wire, wire_to

CONTENT, EVENT = b"second = 2", b"FileUploaded"  # what statements carry, in this order
SECONDS = 1.5
SLACK = 0.7  # seconds on a busy machine
OverAWire = Callable[[], AbstractAsyncContextManager[tuple[Wire, Person]]]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "SECONDS", SECONDS)


@pytest.fixture
def over_a_wire(make_app: MakeApp, postgres: PrivateDatabase, keys: Keys) -> OverAWire:
    @asynccontextmanager
    async def opened() -> AsyncIterator[tuple[Wire, Person]]:
        async with (
            wire_to(postgres.url("files")) as (wire, url),
            make_app(database_url=url) as app,
            person(app, keys) as ann,
        ):
            yield wire, ann

    return opened


async def _count(database: Database, ann: Person, event: str = "FileUploaded") -> int:
    async with database.transaction() as connection:
        found = await connection.scalar(
            text(
                "SELECT count(*) FROM events WHERE type = :event"
                " AND data ->> 'user_id' = CAST(:user_id AS text)"
            ),
            {"event": event, "user_id": str(ann.user_id)},
        )
    return int(found or 0)


async def _timed(asked: Awaitable[httpx2.Response]) -> tuple[httpx2.Response, float]:
    began = time.monotonic()
    answer = await asked
    return answer, time.monotonic() - began


@pytest.mark.parametrize(
    ("words", "moment", "fault", "status"),
    [
        (CONTENT, "before", "cut", 503),
        (CONTENT, "after", "cut", 503),
        (EVENT, "after", "cut", 503),
        (EVENT, "before", "silence", 503),
        (EVENT, "after", "silence", 503),
        (b"COMMIT", "before", "cut", 503),
        (b"COMMIT", "before", "silence", 503),
        (b"COMMIT", "after", "cut", 201),
        (b"COMMIT", "after", "silence", 201),
    ],
)
async def test_an_answer_is_true_whenever_the_connection_fails(
    over_a_wire: OverAWire,
    pools: Pools,
    words: bytes,
    moment: Moment,
    fault: Fault,
    status: int,
) -> None:
    async with over_a_wire() as (wire, ann):
        await ann.new("first.py", b"first")  # there is a connection, as usual
        wire.at(words, moment, fault)
        answer, seconds = await _timed(ann.upload("second.py", CONTENT))
        assert wire.happened.is_set()
        assert answer.status_code == status, answer.json()
        assert seconds < SECONDS + deadline.COMMIT_LOOKUP_SECONDS + SLACK
        await asyncio.sleep(0.3)  # in which a late COMMIT would arrive
        assert await _count(pools("files"), ann) == (2 if status == 201 else 1)
        if fault == "cut":  # a silent connection keeps its locks until the server notices
            again = await ann.upload("second.py", CONTENT)
            assert again.status_code == (409 if status == 201 else 201)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("fault", ["cut", "silence"])
async def test_an_outcome_that_cannot_be_found_out_is_unknown(
    over_a_wire: OverAWire, pools: Pools, moment: Moment, fault: Fault
) -> None:
    async with over_a_wire() as (wire, ann):
        await ann.new("first.py", b"first")
        wire.at(b"COMMIT", moment, fault, reopens=False)
        answer, seconds = await _timed(ann.upload("second.py", CONTENT))
        assert is_problem(answer, 504, "outcome_unknown")
        assert SECONDS < seconds < SECONDS + deadline.COMMIT_LOOKUP_SECONDS + SLACK
    assert await _count(pools("files"), ann) == (2 if moment == "after" else 1)


async def test_what_waits_for_a_lock_is_not_done_afterwards(
    over_a_wire: OverAWire, pools: Pools, postgres: PrivateDatabase
) -> None:
    async with over_a_wire() as (_, ann):
        async with _locked(postgres):
            answer, seconds = await _timed(ann.upload())
            assert is_problem(answer, 503, "database_unavailable")
            assert SECONDS - 0.1 < seconds < SECONDS + SLACK
        await asyncio.sleep(0.3)
        assert await _count(pools("files"), ann) == 0
        assert (await ann.upload()).status_code == 201


async def test_a_stopped_backend_does_nothing_when_it_goes_on(
    over_a_wire: OverAWire, pools: Pools, postgres: PrivateDatabase
) -> None:
    async with over_a_wire() as (_, ann):
        async with _locked(postgres):
            asked = asyncio.ensure_future(_timed(ann.upload()))
            pid = await eventually(lambda: _waiting_backend(postgres))
            os.kill(pid, signal.SIGSTOP)
        try:
            answer, seconds = await asked
            assert is_problem(answer, 503, "database_unavailable")
            assert seconds < SECONDS + SLACK
        finally:
            os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(0.3)
        assert await _count(pools("files"), ann) == 0
        assert (await ann.upload()).status_code == 201


async def test_waiting_for_a_free_connection_counts(
    make_app: MakeApp, keys: Keys, pools: Pools, postgres: PrivateDatabase
) -> None:
    async with make_app() as app, person(app, keys) as ann:
        async with _no_free_connection(app):
            answer, seconds = await _timed(ann.upload())
            assert is_problem(answer, 503, "unavailable")
            assert seconds < SECONDS + SLACK
        assert await _count(pools("files"), ann) == 0
        assert (await ann.upload()).status_code == 201


async def test_a_slow_body_is_its_senders_time(make_app: MakeApp, keys: Keys) -> None:
    async def trickles() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(SECONDS / 2)
            yield b"x = 1\n"

    async with make_app() as app, person(app, keys) as ann:
        assert (await ann.upload(content=trickles())).status_code == 201


async def test_a_restored_file_is_found_again_after_its_commit(
    over_a_wire: OverAWire, pools: Pools
) -> None:
    """The outcome is known, although these commands have no Idempotency-Key."""
    async with over_a_wire() as (wire, ann):
        file_id = await ann.new()
        wire.at(b"COMMIT", "after", "cut")
        assert (await ann.delete(file_id)).status_code == 200
        wire.at(b"COMMIT", "after", "cut")
        assert (await ann.restore(file_id)).status_code == 200
        assert await _count(pools("files"), ann, "FileRestored") == 1


async def _waiting_backend(postgres: PrivateDatabase) -> int:
    """The process of a backend that waits for a lock, or 0."""
    admin = await postgres.admin()
    try:
        return int(await admin.fetchval(_WAITING) or 0)
    finally:
        await admin.close()


_WAITING = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@asynccontextmanager
async def _locked(postgres: PrivateDatabase) -> AsyncIterator[None]:
    """While nobody can write events."""
    admin = await postgres.admin()
    try:
        async with admin.transaction():
            await admin.execute("LOCK TABLE files.events IN EXCLUSIVE MODE")
            yield
    finally:
        await admin.close()


@asynccontextmanager
async def _no_free_connection(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.provided[Database]
    taken = [await database.connect() for _ in range(15)]
    yield
    for connection in taken:
        await connection.close()
