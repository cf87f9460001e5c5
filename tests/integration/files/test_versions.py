"""What a file is, what its versions were, and what changed between them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import cast

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import QueuePool

from services.files import versions
from services.files.api import asking
from services.files.changes import Source, source
from shared.db import Database
from tests.integration.files.acts import Person
from tests.support.apps import is_problem

FIRST = b"import os\n\n\ndef f():\n    return 1\n"
SECOND = b"def f():\n    return 2\n\n\nprint(f())\n"


async def _file(ann: Person, *contents: bytes) -> str:
    file_id = await ann.new("main.py", contents[0])
    for content in contents[1:]:
        assert (await ann.replace(file_id, content)).status_code == 200
    return file_id


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
    file_id = await _file(ann, FIRST, SECOND, b"", b"\n")
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
    file_id = await _file(ann, *(f"{number}\n".encode() for number in range(5)))
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


async def test_two_versions_are_compared(ann: Person) -> None:
    file_id = await _file(ann, b"a\nb\nc\n", b"a\nB\nc\n", b"a\nb\nc\n")
    diff = (await ann.get(file_id, "/diff", from_=1, to=2)).json()
    assert diff == {
        "from": 1,
        "to": 2,
        "added": 1,
        "removed": 1,
        "identical": False,
        "note": None,
        "truncated": False,
        "hunks": [
            {
                "old_start": 1,
                "old_lines": 3,
                "new_start": 1,
                "new_lines": 3,
                "lines": [
                    {"kind": "same", "old": 1, "new": 1, "text": "a"},
                    {"kind": "removed", "old": 2, "new": None, "text": "b"},
                    {"kind": "added", "old": None, "new": 2, "text": "B"},
                    {"kind": "same", "old": 3, "new": 3, "text": "c"},
                ],
            }
        ],
    }
    back = (await ann.get(file_id, "/diff", from_=2, to=1)).json()
    assert [line["text"] for line in back["hunks"][0]["lines"]] == ["a", "B", "b", "c"]
    same = (await ann.get(file_id, "/diff", from_=1, to=3)).json()
    assert (same["identical"], same["hunks"], same["note"]) == (True, [], None)


async def test_a_version_is_compared_with_bytes_that_are_not_saved(ann: Person) -> None:
    file_id = await _file(ann, b"a\n", b"b\n")
    path = f"/internal/files/{file_id}/diff"
    diff = (await ann.http.post(path, params={"from": 1}, content=b"a\nc\n")).json()
    assert (diff["from"], diff["to"], diff["added"], diff["removed"]) == (1, None, 1, 0)
    refused = await ann.http.post(path, params={"from": 1}, content=b"\x00")
    assert is_problem(refused, 422, "not_text")
    huge = await ann.http.post(path, params={"from": 1}, content=b"#" * 200_000)
    assert is_problem(huge, 413, "file_too_large")
    assert (await ann.get(file_id)).json()["version"] == 2
    assert (await ann.limits())["bytes"]["used"] == 4


async def test_only_line_ends_or_the_encoding_changed(ann: Person) -> None:
    file_id = await _file(ann, b"a\nb\n", b"a\r\nb\r\n", b"a\nb", b"\xef\xbb\xbfa\nb")
    for before, note in ((1, "line_endings"), (2, "line_endings"), (3, "encoding")):
        diff = (await ann.get(file_id, "/diff", from_=before, to=before + 1)).json()
        assert (diff["identical"], diff["hunks"], diff["note"]) == (False, [], note)


async def test_a_patch_tells_of_bytes_and_names(ann: Person) -> None:
    old, new = "# coding: cp1251\r\nx = 'да'\r\n".encode("cp1251"), b"y = 1"
    file_id = await ann.new("old.py", old)
    await ann.replace(file_id, new, "new.py")
    patch = await ann.get(file_id, "/patch", from_=1, to=2)
    head, body = patch.content.split(b"--- ")
    assert head.startswith(
        b"diff --git a/old.py b/new.py\nsimilarity index 0%\nrename from old.py\n"
    )
    assert body == (
        b"a/old.py\n+++ b/new.py\n@@ -1,2 +1,1 @@\n"
        b"-# coding: cp1251\r\n-x = '\xe4\xe0'\r\n+y = 1\n\\ No newline at end of file\n"
    )
    assert is_problem(await ann.get(file_id, "/patch", from_=1, to=3), 404, "not_found")


async def test_lines_are_read_in_the_declared_encoding(ann: Person) -> None:
    text = "# coding: {}\r\nx = 'привет'\r\n"
    in_two = [text.format(name).encode(name) for name in ("cp1251", "koi8-r")]
    file_id = await _file(ann, *in_two)
    diff = (await ann.get(file_id, "/diff", from_=1, to=2)).json()
    assert [line["text"] for line in diff["hunks"][0]["lines"]] == [
        "# coding: cp1251",
        "# coding: koi8-r",
        "x = 'привет'",
    ]


async def test_deleted_files_keep_their_history(ann: Person) -> None:
    file_id = await _file(ann, b"a\n", b"b\n")
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


async def test_versions_that_are_not_there_are_not_compared(ann: Person) -> None:
    file_id = await ann.new()
    for params in ({"from": 1, "to": 2}, {"from": 2, "to": 1}):
        assert is_problem(await ann.get(file_id, "/diff", **params), 404, "not_found")


async def test_people_are_answered_while_the_worst_is_compared(ann: Person) -> None:
    file_id = await _file(ann, b"a\n" * 49_999, b"b\na\n" * 24_999, b"a\nb\n" * 24_999)
    diff, *_ = await asyncio.gather(
        ann.get(file_id, "/diff", from_=1, to=2), *(ann.limits() for _ in range(10))
    )
    found = diff.json()
    assert found["truncated"]
    assert sum(len(hunk["lines"]) for hunk in found["hunks"]) == 5_000
    counted = (await ann.get(file_id, "/versions")).json()["versions"]
    assert (found["added"], found["removed"]) == (
        counted[1]["lines_added"],
        counted[1]["lines_removed"],
    )


@pytest.mark.parametrize("way", ["GET", "POST", "history"])
async def test_no_connection_is_held_while_something_is_compared(
    app: FastAPI, ann: Person, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    file_id = await _file(ann, f"{way} a\n".encode(), f"{way} b\n".encode())
    begun, go_on = threading.Event(), threading.Event()

    def slow(content: bytes) -> Source:
        begun.set()
        go_on.wait(10)
        return source(content)

    monkeypatch.setattr(asking, "source", slow)
    monkeypatch.setattr(versions, "source", slow)
    path = f"/internal/files/{file_id}"
    asked: Callable[[], Awaitable[httpx2.Response]] = {
        "GET": lambda: ann.get(file_id, "/diff", from_=1, to=2),
        "POST": lambda: ann.http.post(f"{path}/diff", params={"from": 1}, content=b"c\n"),
        "history": lambda: ann.get(file_id, "/versions"),
    }[way]
    waiting = [asyncio.ensure_future(asked()) for _ in range(20)]
    assert await asyncio.to_thread(begun.wait, 10)
    pool = cast("QueuePool", app.state.provided[Database].engine.pool)
    while pool.checkedout():
        await asyncio.sleep(0.01)
    assert (await ann.limits())["files"]["used"] == 1
    assert not any(one.done() for one in waiting)
    go_on.set()
    assert {one.status_code for one in await asyncio.gather(*waiting)} == {200}


async def test_a_page_whose_lines_take_long_to_count_is_shorter(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = await _file(ann, *(f"{number}{'#' * 98}\n".encode() for number in range(5)))
    monkeypatch.setattr(versions, "COUNTED", 400)
    page = (await ann.get(file_id, "/versions")).json()
    assert [v["version"] for v in page["versions"]] == [5, 4]
    rest = (await ann.get(file_id, "/versions", before=page["next_before"])).json()
    assert [v["version"] for v in rest["versions"]] == [3, 2]
    page = (await ann.get(file_id, "/versions")).json()  # what is known costs nothing
    assert [v["version"] for v in page["versions"]] == [5, 4, 3, 2, 1]
    assert page["next_before"] is None
    monkeypatch.setattr(versions, "COUNTED", 1)
    alone = await ann.new("alone.py", b"#" * 1000)
    assert len((await ann.get(alone, "/versions")).json()["versions"]) == 1
