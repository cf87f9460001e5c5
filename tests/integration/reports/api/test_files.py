"""The file list: what each filter shows, in which order, page by page."""

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from tests.integration.conftest import Pools
from tests.integration.reports.harness import (
    KINDS_OF_FILES,
    all_pages,
    check_recorded,
    file_deleted,
    file_erased,
    file_restored,
    file_saved,
    receive,
    save_every_kind_of_file,
)
from tests.support.apps import is_problem
from tests.support.events import check_failed, checked


async def names(client: httpx2.AsyncClient, **query: Any) -> list[str]:
    found = (await client.get("/internal/files", params=query)).json()
    assert found["total"] == len(found["files"])
    return [file["name"] for file in found["files"]]


@pytest.mark.parametrize("mark", [None, "new", "replaced", "deleted"])
async def test_filters_show_what_they_say_alone_and_together(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID, mark: str | None
) -> None:
    await save_every_kind_of_file(pools, ann)
    for check in (None, "waiting", "checked", "failed"):
        for verdict in (None, "ready", "not_ready"):
            expected = {
                name
                for name, (marked, state, judged) in KINDS_OF_FILES.items()
                if (marked == mark if mark else marked != "deleted")
                and check in {None, state}
                and verdict in {None, judged}
            }
            asked = {"mark": mark, "check": check, "verdict": verdict}
            query = {name: value for name, value in asked.items() if value}
            assert set(await names(client, **query)) == expected, query


EVERY_NAME = {"main.py", "MAIN_2.py", "domain.py", "100%.py", "Привет мир.py", "STRASSE.py"}
EVERY_NAME |= {"caf\u00e9.py"}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("main", {"main.py", "MAIN_2.py", "domain.py"}),
        ("MAIN", {"main.py", "MAIN_2.py", "domain.py"}),
        ("_", {"MAIN_2.py"}),
        ("%", {"100%.py"}),
        ("0%.", {"100%.py"}),
        ("m_in", set()),
        ("ПРИВЕТ", {"Привет мир.py"}),
        ("т м", {"Привет мир.py"}),
        ("straße", {"STRASSE.py"}),
        ("e\u0301", {"caf\u00e9.py"}),
        ("' OR true --", set()),
        ("{{7*7}}", set()),
        (".py", EVERY_NAME),
        ("x" * 100, set()),
    ],
)
async def test_search_finds_a_part_of_the_name_in_any_case(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID, q: str, found: set[str]
) -> None:
    await receive(pools, *(file_saved(uuid4(), ann, name=name) for name in sorted(EVERY_NAME)))
    assert set(await names(client, q=q)) == found


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("column", ["uploaded_at", "name", "size"])
async def test_each_order_is_the_same_on_pages_of_any_length(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID, column: str, sign: str
) -> None:
    for number in range(11):
        name = f"{'aB'[number % 2]}{number // 3}.py"
        await receive(
            pools, file_saved(uuid4(), ann, name=name, minute=number // 4, size=number // 5)
        )
    whole = await all_pages(client, "files", {"sort": sign + column, "limit": 200})
    for limit in (1, 3, 10, 11):
        found = await all_pages(client, "files", {"sort": sign + column, "limit": limit})
        assert [file for page in found for file in page] == whole[0]
        assert all(len(page) == limit for page in found[:-1])
    keys = [file[column] for file in whole[0]]
    folded = [key.casefold() if isinstance(key, str) else key for key in keys]
    assert folded == sorted(folded, reverse=sign == "-")


async def test_without_an_order_the_last_saved_comes_first(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    for minute, name in enumerate(["one.py", "two.py", "three.py"]):
        await receive(pools, file_saved(uuid4(), ann, name=name, minute=minute))
    assert await names(client) == ["three.py", "two.py", "one.py"]


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("column", ["uploaded_at", "name", "size"])
async def test_what_is_added_between_pages_neither_hides_nor_repeats_anything(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID, column: str, sign: str
) -> None:
    before = [uuid4() for _ in range(9)]
    for number, file_id in enumerate(before):
        await receive(pools, _numbered(file_id, ann, 10 * number))
    query: dict[str, Any] = {"sort": sign + column, "limit": 2}
    seen: list[str] = []
    added: set[str] = set()
    while True:
        page = (await client.get("/internal/files", params=query)).json()
        seen += [file["id"] for file in page["files"]]
        assert page["total"] == len(before) + len(added)
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
        for number in (5, 85):  # near the first and near the last
            file_id = uuid4()
            await receive(pools, _numbered(file_id, ann, number + len(added)))
            added.add(str(file_id))
    assert len(seen) == len(set(seen))
    assert [ident for ident in seen if ident not in added] == [
        str(file_id) for file_id in (reversed(before) if sign else before)
    ]


def _numbered(file_id: UUID, user_id: UUID, number: int) -> Any:
    return file_saved(file_id, user_id, name=f"f{number:03}.py", minute=number, size=number)


async def test_a_cursor_is_good_for_its_own_list_alone(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    for _ in range(3):
        file_id = uuid4()
        await receive(pools, file_saved(file_id, ann), check_recorded(checked(file_id, 1, ann)))
    mine: dict[str, Any] = {"limit": 1, "q": "main", "sort": "name", "check": "checked"}
    cursor = (await client.get("/internal/files", params=mine)).json()["next_cursor"]
    answer = await client.get("/internal/files", params={**mine, "cursor": cursor})
    assert answer.status_code == 200
    for change in (
        {"sort": "-name"},
        {"sort": "size"},
        {"q": "mai"},
        {"mark": "new"},
        {"check": "failed"},
        {"verdict": "not_ready"},
    ):
        query = {**mine, **change, "cursor": cursor}
        answer = await client.get("/internal/files", params=query)
        assert is_problem(answer, 422, "cursor_invalid"), change
    for other in ("checks", "mails"):
        answer = await client.get(f"/internal/{other}", params={"cursor": cursor})
        assert is_problem(answer, 422, "cursor_invalid"), other


@pytest.mark.parametrize(
    "query",
    [
        {"mark": "x"},
        {"mark": ""},
        {"check": "sent"},
        {"verdict": "None"},
        {"sort": "sha256"},
        {"sort": "--name"},
        {"sort": "name; DROP TABLE files"},
        {"q": ""},
        {"q": "x" * 101},
        {"q": "a\0b"},
    ],
    ids=str,
)
async def test_filters_that_do_not_exist_are_refused(
    client: httpx2.AsyncClient, query: dict[str, str]
) -> None:
    assert is_problem(await client.get("/internal/files", params=query), 422, "invalid")


async def _file(client: httpx2.AsyncClient, file_id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/internal/files/{file_id}")).json()
    return found


async def test_a_file_goes_from_new_to_checked_to_replaced(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    await receive(pools, file_saved(file_id, ann))
    view = await _file(client, file_id)
    assert (view["mark"], view["check"], view["last_check"]) == ("new", "waiting", None)
    first = checked(file_id, 1, ann)
    await receive(pools, check_recorded(first))
    view = await _file(client, file_id)
    assert (view["mark"], view["check"]) == ("new", "checked")
    assert view["last_check"]["id"] == str(first.check_id)
    assert view["last_check"]["mail"]["state"] == "waiting"
    await receive(pools, file_saved(file_id, ann, 2))
    view = await _file(client, file_id)
    assert (view["mark"], view["check"], view["version"]) == ("replaced", "waiting", 2)
    assert view["last_check"]["version"] == 1
    await receive(pools, check_recorded(check_failed(file_id, 2, ann)))
    view = await _file(client, file_id)
    assert (view["check"], view["last_check"]["outcome"]) == ("failed", "failed")
    assert view["last_check"]["verdict"] is None


async def test_a_deleted_file_leaves_the_list_but_neither_the_log_nor_its_page(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    check = checked(file_id, 1, ann)
    await receive(
        pools,
        file_saved(file_id, ann),
        check_recorded(check),
        file_deleted(file_id, ann, 2, minute=7),
    )
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
    await receive(
        pools, file_saved(file_id, ann), file_saved(file_id, ann, 2), file_deleted(file_id, ann, 3)
    )
    await receive(pools, file_restored(file_id, ann, 4))
    view = await _file(client, file_id)
    assert (view["mark"], view["version"]) == ("replaced", 2)
    assert (view["deleted_at"], view["restorable"]) == (None, False)
    assert (await client.get("/internal/files")).json()["files"] == [view]


async def test_a_file_whose_contents_are_gone_is_listed_but_not_restorable(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    await receive(pools, file_saved(file_id, ann), file_erased(file_id, ann, 3))
    await receive(pools, file_deleted(file_id, ann, 2))
    view = await _file(client, file_id)
    assert (view["mark"], view["restorable"]) == ("deleted", False)


async def test_a_check_that_comes_before_its_version_says_nothing_of_the_one_before(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    file_id = uuid4()
    await receive(pools, check_recorded(checked(file_id, 2, ann)))
    assert is_problem(await client.get(f"/internal/files/{file_id}"), 404, "not_found")
    await receive(pools, file_saved(file_id, ann))
    assert (await _file(client, file_id))["check"] == "waiting"
    await receive(pools, file_saved(file_id, ann, 2))
    assert (await _file(client, file_id))["check"] == "checked"
