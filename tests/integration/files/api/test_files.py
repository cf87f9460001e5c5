"""Uploading, replacing, deleting and restoring a file."""

import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from uuid import UUID

from fastapi import FastAPI

from services.files.domain.file import stream
from tests.integration.conftest import Pools
from tests.integration.files.harness import (
    MakeApp,
    ManualClock,
    Person,
    event_names,
    events_of,
    person,
)
from tests.support.apps import as_service, client_of, is_problem
from tests.support.keys import Keys


async def test_what_is_uploaded_can_be_fetched_and_is_told(ann: Person, pools: Pools) -> None:
    saved = (await ann.upload("отчёт.py", b"x = 1\n")).json()
    answer = await ann.get(saved["file_id"], "/content")
    assert answer.content == b"x = 1\n"
    assert unquote(answer.headers["x-file-name"]) == "отчёт.py"
    assert answer.headers["x-file-version"] == "1"
    assert answer.headers["etag"] == '"v1"'
    assert answer.headers["content-type"] == "application/octet-stream"
    [event] = await events_of(pools("files"), saved["file_id"])
    assert str(event.event_id) == saved["event_id"]
    assert event.event.model_dump(include={"name", "size", "sha256", "version"}) == {
        "name": "отчёт.py",
        "size": 6,
        "sha256": hashlib.sha256(b"x = 1\n").hexdigest(),
        "version": 1,
    }


async def test_an_answer_says_what_the_file_is_now(ann: Person) -> None:
    saved = (await ann.upload("a.py", b"one\n")).json()
    saved_at = datetime.fromisoformat(saved.pop("saved_at"))
    assert timedelta(0) <= datetime.now(UTC) - saved_at < timedelta(minutes=1)
    assert UUID(saved.pop("event_id"))
    assert UUID(saved.pop("file_id"))
    assert saved == {
        "name": "a.py",
        "version": 1,
        "size": 4,
        "sha256": hashlib.sha256(b"one\n").hexdigest(),
        "unchanged": False,
        "mark": "new",
        "limits": {
            "files": {"used": 1, "limit": 1000},
            "bytes": {"used": 4, "limit": 200 * 1024 * 1024},
            "uploads": {"left": 999, "limit": 1000, "window_seconds": 60, "retry_after": 0},
        },
    }


async def test_every_change_has_its_mark(ann: Person) -> None:
    file_id = await ann.new("a.py", b"one")
    marks = [
        (await ann.replace(file_id, b"two", "b.py")).json(),
        (await ann.delete(file_id)).json(),
        (await ann.restore(file_id)).json(),
    ]
    assert [saved["mark"] for saved in marks] == ["replaced", "deleted", "replaced"]
    assert {(saved["name"], saved["version"], saved["size"]) for saved in marks} == {("b.py", 2, 3)}
    assert len({saved["saved_at"] for saved in marks}) == 1
    other = await ann.new("c.py")
    await ann.delete(other)
    assert (await ann.restore(other)).json()["mark"] == "new"


async def test_every_version_stays(ann: Person) -> None:
    file_id = await ann.new(content=b"one")
    assert (await ann.replace(file_id, b"two")).json()["version"] == 2
    assert (await ann.replace(file_id, b"three", "new name.py")).json()["version"] == 3
    for version, content in ((1, b"one"), (2, b"two"), (3, b"three")):
        found = await ann.get(file_id, "/content", version=version)
        assert (found.content, found.headers["etag"]) == (content, f'"v{version}"')
    assert (await ann.get(file_id, "/content")).content == b"three"
    assert is_problem(await ann.get(file_id, "/content", version=4), 404, "not_found")


async def test_identical_bytes_are_no_new_version_and_say_so(ann: Person, pools: Pools) -> None:
    first = (await ann.upload()).json()
    again = (await ann.replace(first["file_id"], b"x = 1\n")).json()
    assert (again["version"], again["event_id"], again["unchanged"]) == (1, None, True)
    assert again["saved_at"] == first["saved_at"]
    assert again["limits"] == first["limits"]
    assert await event_names(pools("files"), first["file_id"]) == ["FileUploaded"]


async def test_a_deleted_file_is_gone_and_its_name_is_free(ann: Person) -> None:
    file_id = await ann.new()
    assert (await ann.delete(file_id)).json()["event_id"]
    assert is_problem(await ann.delete(file_id), 404, "file_is_deleted")
    assert is_problem(await ann.replace(file_id, b"y = 2\n"), 404, "file_is_deleted")
    assert await ann.new() != file_id


async def test_a_deleted_file_comes_back_as_it_was(
    ann: Person, pools: Pools, clock: ManualClock
) -> None:
    file_id = await ann.new(content=b"one")
    await ann.replace(file_id, b"two")
    await ann.delete(file_id)
    assert (await ann.get(file_id, "/content")).content == b"two"
    saved = (await ann.restore(file_id)).json()
    assert (saved["unchanged"], saved["version"]) == (False, 2)
    again = (await ann.restore(file_id)).json()
    assert (again["unchanged"], again["event_id"]) == (True, None)
    assert (await ann.replace(file_id, b"three")).json()["version"] == 3
    assert await event_names(pools("files"), file_id) == [
        "FileUploaded",
        "FileReplaced",
        "FileDeleted",
        "FileRestored",
        "FileReplaced",
    ]


async def test_a_file_whose_name_was_taken_meanwhile_stays_deleted(ann: Person) -> None:
    gone = await ann.new("a.py")
    await ann.delete(gone)
    other = await ann.new("a.py", b"other")
    refused = await ann.restore(gone)
    assert is_problem(refused, 409, "name_taken_meanwhile")
    assert refused.json()["params"] == {"file_id": other}
    await ann.replace(other, b"other", "b.py")
    assert (await ann.restore(gone)).status_code == 200


async def test_an_upload_replaces_a_file_of_its_name_where_that_is_wished(
    ann: Person, bob: Person, pools: Pools
) -> None:
    file_id = await ann.new("mine.py", b"one")
    await bob.new("mine.py", b"of bob")
    second = await ann.upload_or_replace("mine.py", b"two")
    same = await ann.upload_or_replace("mine.py", b"two")
    new = await ann.upload_or_replace("other.py", b"two")
    assert [(one["file_id"], one["version"], one["unchanged"]) for one in (second, same)] == [
        (file_id, 2, False),
        (file_id, 2, True),
    ]
    assert (new["version"], new["mark"]) == (1, "new")
    assert await event_names(pools("files"), file_id) == ["FileUploaded", "FileReplaced"]


async def test_a_name_is_taken_once(ann: Person, bob: Person) -> None:
    first, second = await ann.new("caf\u00e9.py"), await ann.new("b.py")
    taken = await ann.upload("cafe\u0301.py")  # the same name, spelled in another way
    assert is_problem(taken, 409, "file_name_taken")
    assert taken.json()["params"] == {"file_id": first}
    moved = await ann.replace(second, b"y = 2\n", "caf\u00e9.py")
    assert is_problem(moved, 409, "file_name_taken")
    await bob.new("caf\u00e9.py")


async def test_who_saw_an_older_version_is_told_so(ann: Person, pools: Pools) -> None:
    file_id = await ann.new(content=b"one")
    assert (await ann.replace(file_id, b"two", if_version=1)).json()["version"] == 2
    refusals = [
        await ann.replace(file_id, b"three", if_version=1),
        await ann.replace(file_id, b"three", if_version=3),
        await ann.delete(file_id, if_version=1),
        await ann.delete(file_id, if_version=0),
    ]
    for refused, yours in zip(refusals, (1, 3, 1, 0), strict=True):
        assert is_problem(refused, 412, "version_conflict")
        assert refused.json()["params"] == {"current": 2, "yours": yours}
    assert (await ann.replace(file_id, b"two", if_version=1)).json()["unchanged"]
    assert (await ann.delete(file_id, if_version=2)).json()["mark"] == "deleted"
    assert len(await events_of(pools("files"), file_id)) == 3


async def test_a_limit_may_be_larger_than_that_of_other_requests(
    make_app: MakeApp, keys: Keys
) -> None:
    content = b"#" * (5 * 1024 * 1024)
    async with make_app(max_file_bytes=len(content)) as app, person(app, keys) as ann:
        file_id = await ann.new(content=content)
        assert (await ann.replace(file_id, content[1:])).json()["version"] == 2
        path = f"/internal/files/{file_id}/diff"
        answer = await ann.http.post(path, params={"from": 1}, content=content)
        assert answer.json()["identical"]
        assert is_problem(await ann.upload("b.py", content + b"#"), 413, "file_too_large")


async def test_a_consumer_can_start_from_nothing(ann: Person, app: FastAPI, keys: Keys) -> None:
    file_id = await ann.new()
    await ann.replace(file_id, b"y = 2\n")
    seen: list[dict[str, object]] = []
    after = 0
    async with client_of(app, headers=as_service(keys, "reports", "files")) as reports:
        while True:
            path = "/internal/events"
            page = (await reports.get(path, params={"after": after})).json()
            if not page["events"]:
                break
            seen, after = seen + page["events"], page["next"]
    mine = [event for event in seen if event["subject"] == stream(UUID(file_id))]
    assert [event["sequence"] for event in mine] == [1, 2]
    assert is_problem(await ann.http.get("/internal/events"), 401, "unauthenticated")
