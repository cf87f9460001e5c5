"""The file list: what each filter shows, in which order, page by page."""

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from tests.integration.conftest import Pools
from tests.integration.reports.story import happen, lost, pages, result, saved
from tests.support.apps import is_problem
from tests.support.events import check_failed, checked

NAMES = {
    "fresh.py": ("new", "waiting", None),
    "good.py": ("new", "checked", "ready"),
    "bad.py": ("replaced", "checked", "not_ready"),
    "broken.py": ("new", "failed", None),
    "changed.py": ("replaced", "waiting", None),
    "gone.py": ("deleted", "checked", "ready"),
}
"""Mark, state of the check and verdict of each file in `shelf`."""


async def shelf(pools: Pools, ann: UUID) -> None:
    """One file of each sort; `changed.py` was ready before it was changed."""
    ids = {name: uuid4() for name in NAMES}
    for number, (name, file_id) in enumerate(ids.items()):
        await happen(pools, saved(file_id, ann, name=name, minute=number, size=number))
    ready = {"verdict": "ready", "outcome": "clean"}
    for name in ("good.py", "changed.py", "gone.py"):
        await happen(pools, result(checked(ids[name], 1, ann).model_copy(update=ready)))
    await happen(pools, result(check_failed(ids["broken.py"], 1, ann)))
    for name in ("bad.py", "changed.py"):
        await happen(pools, saved(ids[name], ann, 2, name=name, minute=10))
    await happen(pools, result(checked(ids["bad.py"], 2, ann)), lost(ids["gone.py"], ann, 2))
    await happen(pools, saved(uuid4(), uuid4(), name="bob.py"))


async def names(client: httpx2.AsyncClient, **query: Any) -> list[str]:
    found = (await client.get("/internal/files", params=query)).json()
    assert found["total"] == len(found["files"])
    return [file["name"] for file in found["files"]]


@pytest.mark.parametrize("mark", [None, "new", "replaced", "deleted"])
async def test_filters_show_what_they_say_alone_and_together(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID, mark: str | None
) -> None:
    await shelf(pools, ann)
    for check in (None, "waiting", "checked", "failed"):
        for verdict in (None, "ready", "not_ready"):
            expected = {
                name
                for name, (marked, state, judged) in NAMES.items()
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
    await happen(pools, *(saved(uuid4(), ann, name=name) for name in sorted(EVERY_NAME)))
    assert set(await names(client, q=q)) == found


@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize("column", ["uploaded_at", "name", "size"])
async def test_each_order_is_the_same_on_pages_of_any_length(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID, column: str, way: str
) -> None:
    for number in range(11):
        name = f"{'aB'[number % 2]}{number // 3}.py"
        await happen(pools, saved(uuid4(), ann, name=name, minute=number // 4, size=number // 5))
    whole = await pages(client, "files", {"sort": way + column, "limit": 200})
    for limit in (1, 3, 10, 11):
        found = await pages(client, "files", {"sort": way + column, "limit": limit})
        assert [file for page in found for file in page] == whole[0]
        assert all(len(page) == limit for page in found[:-1])
    keys = [file[column] for file in whole[0]]
    folded = [key.casefold() if isinstance(key, str) else key for key in keys]
    assert folded == sorted(folded, reverse=way == "-")


async def test_without_a_wish_the_last_saved_comes_first(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    for minute, name in enumerate(["one.py", "two.py", "three.py"]):
        await happen(pools, saved(uuid4(), ann, name=name, minute=minute))
    assert await names(client) == ["three.py", "two.py", "one.py"]


@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize("column", ["uploaded_at", "name", "size"])
async def test_what_is_added_between_pages_neither_hides_nor_repeats_anything(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID, column: str, way: str
) -> None:
    before = [uuid4() for _ in range(9)]
    for number, file_id in enumerate(before):
        await happen(pools, _numbered(file_id, ann, 10 * number))
    query: dict[str, Any] = {"sort": way + column, "limit": 2}
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
            await happen(pools, _numbered(file_id, ann, number + len(added)))
            added.add(str(file_id))
    assert len(seen) == len(set(seen))
    assert [ident for ident in seen if ident not in added] == [
        str(file_id) for file_id in (reversed(before) if way else before)
    ]


def _numbered(file_id: UUID, user_id: UUID, number: int) -> Any:
    return saved(file_id, user_id, name=f"f{number:03}.py", minute=number, size=number)


async def test_a_cursor_is_good_for_its_own_list_alone(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    for _ in range(3):
        file_id = uuid4()
        await happen(pools, saved(file_id, ann), result(checked(file_id, 1, ann)))
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
