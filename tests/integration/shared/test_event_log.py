"""What a producer tells, and whom."""

from typing import Any
from uuid import UUID, uuid4

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from shared.db import Database
from shared.eventsourcing import scans
from shared.web import event_log
from tests.integration.conftest import Pools
from tests.integration.shared.test_readiness import make
from tests.support.apps import as_service, as_user, client_of, is_problem, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN
from tests.support.keys import Keys
from tests.support.stored_rows import store_row

IDS, EVENTS = "/internal/events/ids", "/internal/events"
ERASED = {"type": "UserErased", "data": {"user_id": str(ANN)}}
MAIL = {
    "type": "AccountMailRequested",
    "data": {"request_id": str(uuid4()), "user_id": str(ANN), "kind": "confirm_email"},
}


async def _get(
    app: FastAPI, keys: Keys, caller: str, path: str, callee: str = "auth", **params: int
) -> httpx2.Response:
    async with client_of(app, headers=as_service(keys, caller, callee)) as client:
        return await client.get(path, params=params)


async def test_each_consumer_is_told_the_types_it_reads_and_no_others(
    pools: Pools, postgres: PrivateDatabase, keys: Keys
) -> None:
    mail, erased = [await store_row(pools("auth"), **row) for row in (MAIL, ERASED)]
    told = {
        "files": [erased],
        "checker": [erased],
        "notifier": [mail, erased],
        "reports": [mail, erased],
    }
    async with without_loops(make("auth", keys, database_url=postgres.url("auth"))) as app:
        for caller, ids in told.items():
            for path in (IDS, EVENTS):
                page = (await _get(app, keys, caller, path)).json()
                assert [UUID(event["id"]) for event in page["events"]] == ids, (caller, path)


async def test_nobody_else_is_told_anything(postgres: PrivateDatabase, keys: Keys) -> None:
    async with without_loops(make("auth", keys, database_url=postgres.url("auth"))) as app:
        for path in (IDS, EVENTS):
            for caller in ("auth", "gateway"):
                assert is_problem(await _get(app, keys, caller, path), 403, "forbidden")
            async with client_of(app, headers=as_user(keys, ANN)) as client:
                assert is_problem(await client.get(path), 401, "unauthenticated")
    async with without_loops(make("files", keys, database_url=postgres.url("files"))) as app:
        answer = await _get(app, keys, "notifier", IDS, callee="files")  # which reads none of files
        assert is_problem(answer, 403, "forbidden")


async def _ids(app: FastAPI, keys: Keys, **params: int) -> Any:
    return (await _get(app, keys, "checker", IDS, callee="files", **params)).json()


async def _positions(database: Database) -> dict[UUID, int]:
    async with database.transaction() as connection:
        rows = await connection.execute(text("SELECT event_id, position FROM events"))
        return {row.event_id: row.position for row in rows}


async def test_ids_come_in_pages_between_two_positions(
    pools: Pools, postgres: PrivateDatabase, keys: Keys, monkeypatch: Any
) -> None:
    monkeypatch.setattr(event_log, "LISTED", 3)
    monkeypatch.setattr(scans, "SCAN_ROWS", 4)
    kinds = [{}, {"type": "Private"}, {}, {}, *[{"type": "Private"}] * 5, {}, {}]
    stored = [await store_row(pools("files"), **kind) for kind in kinds]
    wanted = [event_id for event_id, kind in zip(stored, kinds, strict=True) if not kind]
    where = await _positions(pools("files"))
    first, last = where[stored[0]], where[stored[-1]]
    async with without_loops(make("files", keys, database_url=postgres.url("files"))) as app:
        seen, after = [], first - 1
        while (page := await _ids(app, keys, after=after, until=last - 1))["next"] != after:
            seen += page["events"]
            after = page["next"]
        assert after == last - 1
        assert [UUID(event["id"]) for event in seen] == wanted[:-1]
        assert [event["position"] for event in seen] == [where[one] for one in wanted[:-1]]
        assert (await _ids(app, keys, after=last, until=last - 5))["next"] == last
        assert (await _ids(app, keys, after=last))["next"] == last
        assert (await _ids(app, keys, after=2**63 - 1))["events"] == []


async def test_impossible_positions_are_refused(postgres: PrivateDatabase, keys: Keys) -> None:
    async with without_loops(make("files", keys, database_url=postgres.url("files"))) as app:
        for params in ({"after": -1}, {"after": 2**63}, {"until": 2**63}, {"until": -1}):
            answer = await _get(app, keys, "checker", IDS, callee="files", **params)
            assert answer.status_code == 422


async def test_no_more_events_are_told_than_asked_for(
    pools: Pools, postgres: PrivateDatabase, keys: Keys
) -> None:
    stored = [await store_row(pools("files")) for _ in range(3)]
    after = (await _positions(pools("files")))[stored[0]] - 1
    async with without_loops(make("files", keys, database_url=postgres.url("files"))) as app:
        for limit, told in {1: 1, 2: 2, event_log.PAGE: 3}.items():
            params = {"after": after, "limit": limit}
            page = (await _get(app, keys, "checker", EVENTS, callee="files", **params)).json()
            assert [UUID(event["id"]) for event in page["events"]] == stored[:told]
        for limit in (0, -1, event_log.PAGE + 1):
            answer = await _get(app, keys, "checker", EVENTS, callee="files", limit=limit)
            assert answer.status_code == 422
