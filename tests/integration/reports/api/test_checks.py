"""The log of checks and the reports."""

from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI

from services.reports.queries.response_limits import ResponseLimits
from tests.integration.conftest import Pools
from tests.integration.reports.harness import (
    MakeApp,
    all_pages,
    check_recorded,
    file_deleted,
    file_saved,
    mail_held,
    receive,
)
from tests.support.apps import as_user, client_of, is_problem
from tests.support.events import checked, mail_failed, queued, recorded, sent
from tests.support.keys import Keys


async def test_a_report_has_the_findings_and_the_state_of_its_mail(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id, mail_id = uuid4(), uuid4()
    check = checked(file_id, 1, ann)
    await receive(pools, file_saved(file_id, ann), check_recorded(check))
    states = []
    story = [
        queued(mail_id, check.check_id, ann),
        mail_held(mail_id, check.check_id, ann),
        mail_failed(mail_id, check.check_id, 1, user_id=ann),
        sent(mail_id, check.check_id, 2, ann),
    ]
    for version, event in enumerate(story, start=1):
        await receive(pools, recorded(event, f"mail-{mail_id}", version))
        mail = (await client.get(f"/internal/checks/{check.check_id}")).json()["mail"]
        states.append((mail["state"], mail["attempts"], mail["reason"], mail["sent_at"]))
    assert states == [
        ("queued", 0, None, None),
        ("held", 0, None, None),
        ("queued", 1, "recipient refused: 450 grey", None),
        ("sent", 2, None, "2026-11-22T12:00:00Z"),
    ]
    report = (await client.get(f"/internal/checks/{check.check_id}")).json()
    expected = check.model_dump(mode="json")
    for name in ("sha256", "engine", "profile", "findings", "counts", "verdict", "outcome"):
        assert report[name] == expected[name]


async def test_what_is_not_mine_is_not_there(
    client: httpx2.AsyncClient, app: FastAPI, keys: Keys, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    check = checked(file_id, 1, ann)
    await receive(pools, file_saved(file_id, ann), check_recorded(check))
    async with client_of(app, headers=as_user(keys, uuid4())) as bob:
        paths = (f"files/{file_id}", f"files/{file_id}/checks", f"checks/{check.check_id}")
        for path in paths:
            assert is_problem(await bob.get(f"/internal/{path}"), 404, "not_found")
        assert (await bob.get("/internal/files")).json()["files"] == []
        assert (await bob.get("/internal/checks")).json()["checks"] == []
    async with client_of(app) as nobody:
        assert is_problem(await nobody.get("/internal/files"), 401, "unauthenticated")


@pytest.mark.parametrize("what", ["files", "checks"])
async def test_pages_have_every_item_once_also_when_times_are_equal(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID, what: str
) -> None:
    ids = [uuid4() for _ in range(11)]
    for number, file_id in enumerate(ids):
        minute = number // 4
        check = check_recorded(checked(file_id, 1, ann), minute=minute)
        await receive(pools, file_saved(file_id, ann, minute=minute), check)
    items = [item for page in await all_pages(client, what, {"limit": 3}) for item in page]
    seen = [item["id"] for item in items]
    times = [item["uploaded_at" if what == "files" else "checked_at"] for item in items]
    assert len(seen) == len(set(seen)) == 11
    assert times == sorted(times, reverse=True)


async def test_the_checks_of_one_file_have_pages_of_their_own(
    client: httpx2.AsyncClient, app: FastAPI, keys: Keys, pools: Pools, ann: UUID
) -> None:
    file_id, other = uuid4(), uuid4()
    await receive(
        pools,
        file_saved(file_id, ann),
        file_saved(other, ann),
        check_recorded(checked(other, 1, ann)),
    )
    saved = [checked(file_id, 1, ann) for _ in range(7)]
    for number, check in enumerate(saved):
        await receive(pools, check_recorded(check, minute=number // 2, sequence=number + 1))
    minutes = {str(check.check_id): number // 2 for number, check in enumerate(saved)}
    newest = sorted(minutes, key=lambda ident: (minutes[ident], ident), reverse=True)
    for path, query in ((f"files/{file_id}/checks", {}), ("checks", {"file_id": str(file_id)})):
        found = await all_pages(client, path, {**query, "limit": 3})
        assert [check["id"] for page in found for check in page] == newest
    async with client_of(app, headers=as_user(keys, uuid4())) as bob:
        answer = await bob.get("/internal/checks", params={"file_id": str(file_id)})
        assert answer.json() == {"checks": [], "next_cursor": None}


async def test_a_cursor_of_one_file_is_none_of_another(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    one, other = uuid4(), uuid4()
    for file_id in (one, other):
        await receive(pools, file_saved(file_id, ann))
        for sequence in (1, 2):
            await receive(pools, check_recorded(checked(file_id, 1, ann), sequence=sequence))
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
    await receive(pools, file_saved(file_id, ann), file_deleted(file_id, ann, 2))
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


@pytest.mark.parametrize("size", [256 * 1024, 1])
async def test_reports_come_page_by_page_as_they_come_alone(
    make_app: MakeApp, keys: Keys, pools: Pools, ann: UUID, size: int
) -> None:
    limits = ResponseLimits(report_bytes=size)
    async with (
        make_app(response_limits=limits) as app,
        client_of(app, headers=as_user(keys, ann)) as client,
    ):
        await _check_pages(client, pools, ann, [2, 2, 1] if size > 1 else [1] * 5)


async def _check_pages(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID, sizes: list[int]
) -> None:
    checks = [checked(uuid4(), 1, ann) for _ in range(5)]
    mine = [check_recorded(check, minute=number) for number, check in enumerate(checks)]
    await receive(pools, *mine, check_recorded(checked(uuid4(), 1, uuid4())))
    found = await all_pages(client, "reports", {"limit": 2})
    assert [len(page) for page in found] == sizes
    alone = [
        (await client.get(f"/internal/checks/{check.check_id}")).json() for check in checks[::-1]
    ]
    assert [report for page in found for report in page] == alone
