"""The current state of a file, and its history."""

import pytest

from services.files.queries.response_limits import ResponseLimits
from tests.integration.files.harness import MakeApp, Person, new_versions, person
from tests.support.apps import is_problem
from tests.support.keys import Keys

FIRST = b"import os\n\n\ndef f():\n    return 1\n"
SECOND = b"def f():\n    return 2\n\n\nprint(f())\n"


async def test_a_file_says_what_it_is(ann: Person) -> None:
    saved = (await ann.upload("a.py", b"one")).json()
    file_id = saved["file_id"]
    about = (await ann.get(file_id)).json()
    wanted = {name: saved[name] for name in ("file_id", "name", "version", "size", "sha256")}
    assert about == {
        **wanted,
        "mark": "new",
        "saved_at": saved["saved_at"],
        "deleted_at": None,
        "erased": False,
    }
    await ann.replace(file_id, b"two!", "b.py")
    about = (await ann.get(file_id)).json()
    assert (about["mark"], about["version"], about["name"]) == ("replaced", 2, "b.py")
    assert about["size"] == 4
    await ann.delete(file_id)
    about = (await ann.get(file_id)).json()
    assert (about["mark"], about["erased"]) == ("deleted", False)
    assert about["deleted_at"] > about["saved_at"]
    await ann.restore(file_id)
    assert (await ann.get(file_id)).json()["deleted_at"] is None


async def test_the_history_says_who_changed_how_much(ann: Person) -> None:
    file_id = await new_versions(ann, FIRST, SECOND, b"", b"\n")
    await ann.replace(file_id, b"\n", "renamed.py")
    page = (await ann.get(file_id, "/versions")).json()
    assert page["next_before"] is None
    found = [
        (v["version"], v["name"], v["size"], v["lines_added"], v["lines_removed"])
        for v in page["versions"]
    ]
    assert found == [
        (5, "renamed.py", 1, 0, 0),
        (4, "main.py", 1, 1, 0),
        (3, "main.py", 0, 0, 5),
        (2, "main.py", len(SECOND), 3, 3),
        (1, "main.py", len(FIRST), 5, 0),
    ]
    assert {v["author"] for v in page["versions"]} == {str(ann.user_id)}
    assert all(v["available"] for v in page["versions"])
    times = [v["saved_at"] for v in page["versions"]]
    assert times == sorted(times, reverse=True)
    assert (await ann.get(file_id, "/versions")).json() == page


async def test_the_history_comes_in_pages(ann: Person) -> None:
    file_id = await new_versions(ann, *(f"{number}\n".encode() for number in range(5)))
    seen: list[tuple[int, int, int]] = []
    before = None
    while True:
        page = (await ann.get(file_id, "/versions", before=before, limit=2)).json()
        seen += [(v["version"], v["lines_added"], v["lines_removed"]) for v in page["versions"]]
        before = page["next_before"]
        if before is None:
            break
    assert seen == [(5, 1, 1), (4, 1, 1), (3, 1, 1), (2, 1, 1), (1, 1, 0)]
    past = (await ann.get(file_id, "/versions", before=1)).json()
    assert past == {"versions": [], "next_before": None}


async def test_deleted_files_keep_their_history(ann: Person) -> None:
    file_id = await new_versions(ann, b"a\n", b"b\n")
    await ann.delete(file_id)
    assert len((await ann.get(file_id, "/versions")).json()["versions"]) == 2
    assert (await ann.get(file_id, "/diff", from_=1, to=2)).json()["added"] == 1


@pytest.mark.parametrize(
    ("part", "params"),
    [
        ("/diff", {}),
        ("/diff", {"from": "1"}),
        ("/diff", {"from": "0", "to": "1"}),
        ("/diff", {"from": "1", "to": "-1"}),
        ("/diff", {"from": "1", "to": "x"}),
        ("/diff", {"from": str(2**31), "to": "1"}),
        ("/versions", {"limit": "0"}),
        ("/versions", {"limit": "201"}),
        ("/versions", {"limit": "1_0"}),
        ("/versions", {"before": "0"}),
        ("/versions", {"before": "NaN"}),
        ("/versions", {"before": str(10**22)}),
    ],
)
async def test_garbage_is_invalid(ann: Person, part: str, params: dict[str, str]) -> None:
    file_id = await ann.new()
    assert is_problem(await ann.get(file_id, part, **params), 422, "invalid")


async def test_a_page_whose_lines_take_long_to_count_is_shorter(
    make_app: MakeApp, keys: Keys
) -> None:
    limits = ResponseLimits(counted_bytes=400)
    async with make_app(response_limits=limits) as app, person(app, keys) as ann:
        await _check_short_pages(ann)


async def _check_short_pages(ann: Person) -> None:
    contents = (f"{number}{'#' * 98}\n".encode() for number in range(5))
    file_id = await new_versions(ann, *contents)
    page = (await ann.get(file_id, "/versions")).json()
    assert [v["version"] for v in page["versions"]] == [5, 4]
    rest = (await ann.get(file_id, "/versions", before=page["next_before"])).json()
    assert [v["version"] for v in rest["versions"]] == [3, 2]
    page = (await ann.get(file_id, "/versions")).json()  # cached counts cost nothing
    assert [v["version"] for v in page["versions"]] == [5, 4, 3, 2, 1]
    assert page["next_before"] is None
    alone = await ann.new("alone.py", b"#" * 1000)
    assert len((await ann.get(alone, "/versions")).json()["versions"]) == 1
