"""What changed between two versions."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from sqlalchemy import QueuePool

from services.files.diffs.limiter import DiffLimiter
from shared.db import Database
from tests.integration.files.harness import MakeApp, Person, new_versions, person
from tests.support.apps import is_problem
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys


class StoppedThreads:
    """Starts no diff until `go_on` is set."""

    def __init__(self) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, compute: Callable[[], Any]) -> Any:
        self.asked.set()
        await self.go_on.wait()
        return await asyncio.to_thread(compute)


async def test_two_versions_are_compared(ann: Person) -> None:
    file_id = await new_versions(ann, b"a\nb\nc\n", b"a\nB\nc\n", b"a\nb\nc\n")
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
    file_id = await new_versions(ann, b"a\n", b"b\n")
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
    file_id = await new_versions(ann, b"a\nb\n", b"a\r\nb\r\n", b"a\nb", b"\xef\xbb\xbfa\nb")
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
    file_id = await new_versions(ann, *in_two)
    diff = (await ann.get(file_id, "/diff", from_=1, to=2)).json()
    assert [line["text"] for line in diff["hunks"][0]["lines"]] == [
        "# coding: cp1251",
        "# coding: koi8-r",
        "x = 'привет'",
    ]


async def test_versions_that_are_not_there_are_not_compared(ann: Person) -> None:
    file_id = await ann.new()
    for params in ({"from": 1, "to": 2}, {"from": 2, "to": 1}):
        assert is_problem(await ann.get(file_id, "/diff", **params), 404, "not_found")


async def test_people_are_answered_while_the_worst_is_compared(ann: Person) -> None:
    file_id = await new_versions(ann, b"a\n" * 49_999, b"b\na\n" * 24_999, b"a\nb\n" * 24_999)
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


@pytest.mark.parametrize("operation", ["GET", "POST", "history"])
async def test_no_connection_is_held_while_something_is_compared(
    make_app: MakeApp, keys: Keys, postgres: PrivateDatabase, operation: str
) -> None:
    database, threads = Database(postgres.url("files")), StoppedThreads()
    async with (
        make_app(database=database, diff_limiter=DiffLimiter(in_thread=threads)) as app,
        person(app, keys) as ann,
    ):
        await _check_free_connections(ann, database, threads, operation)


async def _check_free_connections(
    ann: Person, database: Database, threads: StoppedThreads, operation: str
) -> None:
    file_id = await new_versions(ann, f"{operation} a\n".encode(), f"{operation} b\n".encode())
    path = f"/internal/files/{file_id}"
    send: Callable[[], Awaitable[httpx2.Response]] = {
        "GET": lambda: ann.get(file_id, "/diff", from_=1, to=2),
        "POST": lambda: ann.http.post(f"{path}/diff", params={"from": 1}, content=b"c\n"),
        "history": lambda: ann.get(file_id, "/versions"),
    }[operation]
    waiting = [asyncio.ensure_future(send()) for _ in range(20)]
    await asyncio.wait_for(threads.asked.wait(), 10)
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    while pool.checkedout():
        await asyncio.sleep(0.01)
    assert (await ann.limits())["files"]["used"] == 1
    assert not any(one.done() for one in waiting)
    threads.go_on.set()
    assert {one.status_code for one in await asyncio.gather(*waiting)} == {200}
