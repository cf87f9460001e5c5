"""Versions of many files at once, for archives."""

import base64
from typing import Any
from uuid import uuid4

import pytest

from services.files.queries.response_limits import ResponseLimits
from services.files.retention import Retention
from tests.integration.files.harness import MakeApp, ManualClock, Person, person
from tests.support.apps import is_problem
from tests.support.keys import Keys

LATEST = 2**31 - 1


async def _ask(who: Person, files: list[str], **more: Any) -> dict[str, Any]:
    answer = await who.http.post("/internal/versions", json={"files": files, **more})
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


async def _all(who: Person, files: list[str]) -> list[tuple[str, int, bytes]]:
    """Every page, as a client asks for them that makes an archive."""
    found: list[tuple[str, int, bytes]] = []
    left, before = files, LATEST
    while left:
        some = await _ask(who, left, before=before)
        found += [
            (one["file_id"], one["version"], base64.b64decode(one["content"]))
            for one in some["versions"]
        ]
        if not some["more"]:
            break
        file_id, before, _ = found[-1]
        left = left[left.index(file_id) :]
    return found


async def _filled(who: Person, files: int, versions: int) -> list[str]:
    ids = []
    for number in range(files):
        ids.append(await who.new(f"{number}.py", f"# {number} 1\n".encode()))
        for version in range(2, versions + 1):
            content = f"# {number} {version}\n".encode()
            await who.replace(ids[-1], content, f"{number}.py")
    return ids


@pytest.mark.parametrize(
    "limits",
    [
        ResponseLimits(),
        ResponseLimits(versions=2),
        ResponseLimits(versions=3),
        ResponseLimits(version_bytes=10),
    ],
)
async def test_all_versions_come_once_however_many_fit_into_a_response(
    make_app: MakeApp, keys: Keys, limits: ResponseLimits
) -> None:
    async with make_app(response_limits=limits) as app, person(app, keys) as ann:
        ids = await _filled(ann, 3, 3)
        wanted = [
            (ids[number], version, f"# {number} {version}\n".encode())
            for number in (2, 0, 1)
            for version in (3, 2, 1)
        ]
        assert await _all(ann, [ids[2], ids[0], ids[1]]) == wanted


async def test_of_each_file_the_last_version(ann: Person) -> None:
    ids = await _filled(ann, 3, 2)
    await ann.delete(ids[0])
    some = await _ask(ann, ids, last=True)
    assert not some["more"]
    assert [(one["file_id"], one["version"]) for one in some["versions"]] == [
        (one, 2) for one in ids
    ]


async def test_a_version_tells_what_it_is(ann: Person) -> None:
    saved = (await ann.upload("a.py", b"one")).json()
    [version] = (await _ask(ann, [saved["file_id"]]))["versions"]
    wanted = {name: saved[name] for name in ("file_id", "version", "name", "size", "sha256")}
    assert version == {
        **wanted,
        "saved_at": saved["saved_at"],
        "author": str(ann.user_id),
        "available": True,
        "content": base64.b64encode(b"one").decode(),
    }


async def test_bytes_that_are_gone_are_empty_also_where_others_have_them(
    ann: Person, bob: Person, clock: ManualClock, retention: Retention
) -> None:
    content = f"# {uuid4()}\n".encode()
    file_id = await ann.new("a.py", content)
    await bob.new("b.py", content)
    await ann.delete(file_id)
    clock.advance(days=31)
    await retention.step()
    [version] = (await _ask(ann, [file_id]))["versions"]
    assert (version["available"], version["content"]) == (False, None)


async def test_others_have_none(ann: Person, bob: Person) -> None:
    file_id = await ann.new()
    assert await _ask(bob, [file_id, str(uuid4())]) == {"versions": [], "more": False}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": []},
        {"files": ["x"]},
        {"files": [str(uuid4())] * 201},
        {"files": [str(uuid4())], "before": 0},
        {"files": [str(uuid4())], "before": 2**31},
    ],
)
async def test_garbage_is_invalid(ann: Person, body: dict[str, Any]) -> None:
    assert is_problem(await ann.http.post("/internal/versions", json=body), 422, "invalid")
