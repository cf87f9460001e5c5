"""What people read, through the application on a real database."""

import asyncio
import time
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI

from services.reports.feed import Bell
from tests.integration.conftest import Pools
from tests.integration.reports.story import (
    contents_erased,
    happen,
    held,
    lost,
    pages,
    restored,
    result,
    saved,
)
from tests.support.apps import as_user, client_of, is_problem
from tests.support.events import check_failed, checked, mail_failed, queued, recorded, sent
from tests.support.keys import Keys


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


async def test_a_deleted_file_leaves_the_list_but_neither_the_log_nor_its_page(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    check = checked(file_id, 1, ann)
    await happen(pools, saved(file_id, ann), result(check), lost(file_id, ann, 2, minute=7))
    empty = {"files": [], "total": 0, "next_cursor": None}
    assert (await client.get("/internal/files")).json() == empty
    view = await _file(client, file_id)
    assert (view["mark"], view["check"], view["restorable"]) == ("deleted", "checked", True)
    assert view["deleted_at"] == "2026-11-22T12:07:00Z"
    listed = (await client.get("/internal/files", params={"mark": "deleted"})).json()
    assert (listed["files"], listed["total"]) == ([view], 1)
    [line] = (await client.get("/internal/checks")).json()["checks"]
    assert line["id"] == str(check.check_id)
    assert (await client.get(f"/internal/checks/{check.check_id}")).status_code == 200


async def test_a_restored_file_is_what_it_was(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    await happen(pools, saved(file_id, ann), saved(file_id, ann, 2), lost(file_id, ann, 3))
    await happen(pools, restored(file_id, ann, 4))
    view = await _file(client, file_id)
    assert (view["mark"], view["version"]) == ("replaced", 2)
    assert (view["deleted_at"], view["restorable"]) == (None, False)
    assert (await client.get("/internal/files")).json()["files"] == [view]


async def test_a_file_whose_contents_are_gone_is_listed_but_not_restorable(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    await happen(pools, saved(file_id, ann), contents_erased(file_id, ann, 3))
    await happen(pools, lost(file_id, ann, 2))
    view = await _file(client, file_id)
    assert (view["mark"], view["restorable"]) == ("deleted", False)


async def test_a_check_that_comes_before_its_version_says_nothing_of_the_one_before(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    await happen(pools, result(checked(file_id, 2, ann)))
    assert is_problem(await client.get(f"/internal/files/{file_id}"), 404, "not_found")
    await happen(pools, saved(file_id, ann))
    assert (await _file(client, file_id))["check"] == "waiting"
    await happen(pools, saved(file_id, ann, 2))
    assert (await _file(client, file_id))["check"] == "checked"


async def test_a_report_tells_everything_and_the_truth_about_its_mail(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id, mail_id = uuid4(), uuid4()
    check = checked(file_id, 1, ann)
    await happen(pools, saved(file_id, ann), result(check))
    states = []
    story = [
        queued(mail_id, check.check_id, ann),
        held(mail_id, check.check_id, ann),
        mail_failed(mail_id, check.check_id, 1, user_id=ann),
        sent(mail_id, check.check_id, 2, ann),
    ]
    for version, event in enumerate(story, start=1):
        await happen(pools, recorded(event, f"mail-{mail_id}", version))
        mail = (await client.get(f"/internal/checks/{check.check_id}")).json()["mail"]
        states.append((mail["state"], mail["attempts"], mail["reason"], mail["sent_at"]))
    assert states == [
        ("queued", 0, None, None),
        ("held", 0, None, None),
        ("queued", 1, "recipient refused: 450 grey", None),
        ("sent", 2, None, "2026-11-22T12:00:00Z"),
    ]
    report = (await client.get(f"/internal/checks/{check.check_id}")).json()
    told = check.model_dump(mode="json")
    for name in ("sha256", "engine", "profile", "findings", "counts", "verdict", "outcome"):
        assert report[name] == told[name]


@pytest.mark.parametrize("size", [256 * 1024, 1])
async def test_reports_come_page_by_page_as_they_come_alone(
    client: httpx2.AsyncClient,
    pools: Pools,
    ann: UUID,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr("services.reports.queries.checks.REPORTS_BYTES", size)
    checks = [checked(uuid4(), 1, ann) for _ in range(5)]
    mine = [result(check, minute=number) for number, check in enumerate(checks)]
    await happen(pools, *mine, result(checked(uuid4(), 1, uuid4())))
    found = await pages(client, "reports", {"limit": 2})
    assert [len(page) for page in found] == ([2, 2, 1] if size > 1 else [1] * 5)
    alone = [
        (await client.get(f"/internal/checks/{check.check_id}")).json() for check in checks[::-1]
    ]
    assert [report for page in found for report in page] == alone


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
    items = [item for page in await pages(client, what, {"limit": 3}) for item in page]
    seen = [item["id"] for item in items]
    times = [item["uploaded_at" if what == "files" else "checked_at"] for item in items]
    assert len(seen) == len(set(seen)) == 11
    assert times == sorted(times, reverse=True)


async def test_the_checks_of_one_file_have_pages_of_their_own(
    client: httpx2.AsyncClient, app: FastAPI, keys: Keys, pools: Pools, ann: UUID
) -> None:
    file_id, other = uuid4(), uuid4()
    await happen(pools, saved(file_id, ann), saved(other, ann), result(checked(other, 1, ann)))
    told = [checked(file_id, 1, ann) for _ in range(7)]
    for number, check in enumerate(told):
        await happen(pools, result(check, minute=number // 2, sequence=number + 1))
    minutes = {str(check.check_id): number // 2 for number, check in enumerate(told)}
    newest = sorted(minutes, key=lambda ident: (minutes[ident], ident), reverse=True)
    for path, query in ((f"files/{file_id}/checks", {}), ("checks", {"file_id": str(file_id)})):
        found = await pages(client, path, {**query, "limit": 3})
        assert [check["id"] for page in found for check in page] == newest
    async with client_of(app, headers=as_user(keys, uuid4())) as bob:
        answer = await bob.get("/internal/checks", params={"file_id": str(file_id)})
        assert answer.json() == {"checks": [], "next_cursor": None}


async def test_a_cursor_of_one_file_is_none_of_another(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    one, other = uuid4(), uuid4()
    for file_id in (one, other):
        await happen(pools, saved(file_id, ann))
        for sequence in (1, 2):
            await happen(pools, result(checked(file_id, 1, ann), sequence=sequence))
    page = (await client.get(f"/internal/files/{one}/checks", params={"limit": 1})).json()
    query = {"cursor": page["next_cursor"]}
    assert (await client.get(f"/internal/files/{one}/checks", params=query)).is_success
    for path in (f"files/{other}/checks", "checks"):
        answer = await client.get(f"/internal/{path}", params=query)
        assert is_problem(answer, 422, "cursor_invalid")


async def test_a_file_without_checks_has_an_empty_log(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    await happen(pools, saved(file_id, ann), lost(file_id, ann, 2))
    answer = await client.get(f"/internal/files/{file_id}/checks")
    assert answer.json() == {"checks": [], "next_cursor": None}


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "garbage"},
        {"cursor": "\0"},
        {"cursor": "x" * 1001},
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
    for what in ("files", "checks", "mails", f"files/{uuid4()}/checks"):
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


async def test_who_waited_in_vain_waits_again_when_news_come_in(
    client: httpx2.AsyncClient, app: FastAPI, pools: Pools, ann: UUID
) -> None:
    """While the pipeline is stopped its pages don't cost a second each."""
    bell: Bell = app.state.provided[Bell]
    await bell.step()

    async def seconds() -> float:
        started = time.monotonic()
        await client.get("/internal/files", params={"after": str(uuid4())})
        return time.monotonic() - started

    assert await seconds() > 0.9
    assert max([await seconds() for _ in range(3)]) < 0.5
    await happen(pools, saved(uuid4(), uuid4()))
    await asyncio.sleep(0.2)
    assert await seconds() > 0.9


async def test_one_persons_wait_is_not_anothers(
    client: httpx2.AsyncClient, app: FastAPI, pools: Pools, keys: Keys, ann: UUID
) -> None:
    bell: Bell = app.state.provided[Bell]
    await bell.step()
    await client.get("/internal/files", params={"after": str(uuid4())})
    bob = uuid4()
    event = saved(uuid4(), bob)

    async def later() -> None:
        await asyncio.sleep(0.3)
        await happen(pools, event)

    writing = asyncio.create_task(later())
    query = {"after": str(event.event_id)}
    told = await client.get("/internal/files", params=query, headers=as_user(keys, bob))
    assert len(told.json()["files"]) == 1
    await writing
