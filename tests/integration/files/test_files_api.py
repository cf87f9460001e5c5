"""Files, through the application on a real database."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from urllib.parse import unquote
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.files.domain.file import EVENTS, stream
from services.files.main import create_app
from services.files.settings import Settings
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.store import EventStore
from tests.integration.conftest import Pools
from tests.support.apps import (
    as_service,
    as_user,
    client_of,
    common_settings,
    in_pieces,
    is_problem,
    without_loops,
)
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys

LIMIT = 100_000
STORE = EventStore(EventTypes(EVENTS))
Content = bytes | AsyncIterator[bytes]


@pytest_asyncio.fixture
async def app(keys: Keys, postgres: PrivateDatabase) -> AsyncIterator[FastAPI]:
    url = postgres.url("files")
    settings = Settings(**common_settings("files", keys), database_url=url, max_file_bytes=LIMIT)
    async with without_loops(create_app(settings)) as app:
        yield app


@pytest_asyncio.fixture
async def ann(app: FastAPI, keys: Keys) -> AsyncIterator[httpx2.AsyncClient]:
    """A new person for each test, so that no file of another test is in the way."""
    async with client_of(app, headers=as_user(keys, uuid4())) as client:
        yield client


def somebody(app: FastAPI, keys: Keys) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
    return client_of(app, headers=as_user(keys, uuid4()))


async def _upload(
    client: httpx2.AsyncClient, name: str = "main.py", content: Content = b"x = 1\n"
) -> httpx2.Response:
    return await client.post("/internal/files", params={"name": name}, content=content)


async def _replace(
    client: httpx2.AsyncClient, file_id: str, content: Content, name: str = "main.py"
) -> httpx2.Response:
    path = f"/internal/files/{file_id}/content"
    return await client.put(path, params={"name": name}, content=content)


async def _new(
    client: httpx2.AsyncClient, name: str = "main.py", content: bytes = b"x = 1\n"
) -> str:
    answer = await _upload(client, name, content)
    assert answer.status_code == 201
    return str(answer.json()["file_id"])


async def _history(pools: Pools, file_id: str) -> list[RecordedEvent]:
    async with pools("files").transaction() as connection:
        return await STORE.load(connection, stream(UUID(file_id)))


async def test_what_is_uploaded_can_be_fetched_and_is_told(
    ann: httpx2.AsyncClient, pools: Pools
) -> None:
    saved = (await _upload(ann, "отчёт.py", b"x = 1\n")).json()
    answer = await ann.get(f"/internal/files/{saved['file_id']}/content")
    assert answer.content == b"x = 1\n"
    assert unquote(answer.headers["x-file-name"]) == "отчёт.py"
    assert answer.headers["x-file-version"] == "1"
    assert answer.headers["content-type"] == "application/octet-stream"
    [event] = await _history(pools, saved["file_id"])
    assert str(event.event_id) == saved["event_id"]
    assert event.event.model_dump(include={"name", "size", "sha256", "version"}) == {
        "name": "отчёт.py",
        "size": 6,
        "sha256": hashlib.sha256(b"x = 1\n").hexdigest(),
        "version": 1,
    }


async def test_every_version_stays(ann: httpx2.AsyncClient) -> None:
    file_id = await _new(ann, content=b"one")
    assert (await _replace(ann, file_id, b"two")).json()["version"] == 2
    assert (await _replace(ann, file_id, b"three", "new name.py")).json()["version"] == 3
    path = f"/internal/files/{file_id}/content"
    for version, content in ((1, b"one"), (2, b"two"), (3, b"three")):
        assert (await ann.get(path, params={"version": version})).content == content
    assert (await ann.get(path)).content == b"three"
    assert is_problem(await ann.get(path, params={"version": 4}), 404, "not_found")


async def test_identical_bytes_are_no_new_version_and_say_so(
    ann: httpx2.AsyncClient, pools: Pools
) -> None:
    file_id = await _new(ann)
    saved = (await _replace(ann, file_id, b"x = 1\n")).json()
    assert (saved["version"], saved["event_id"]) == (1, None)
    assert len(await _history(pools, file_id)) == 1


async def test_a_deleted_file_is_gone_and_its_name_is_free(ann: httpx2.AsyncClient) -> None:
    file_id = await _new(ann)
    assert (await ann.delete(f"/internal/files/{file_id}")).json()["event_id"]
    assert is_problem(await ann.delete(f"/internal/files/{file_id}"), 404, "not_found")
    assert is_problem(await _replace(ann, file_id, b"y = 2\n"), 404, "not_found")
    assert await _new(ann) != file_id


async def test_a_name_is_taken_once(ann: httpx2.AsyncClient, app: FastAPI, keys: Keys) -> None:
    first, second = await _new(ann, "caf\u00e9.py"), await _new(ann, "b.py")
    taken = await _upload(ann, "cafe\u0301.py")  # the same name, spelled in another way
    assert is_problem(taken, 409, "file_name_taken")
    assert taken.json()["params"] == {"file_id": first}
    moved = await _replace(ann, second, b"y = 2\n", "caf\u00e9.py")
    assert is_problem(moved, 409, "file_name_taken")
    async with somebody(app, keys) as bob:
        await _new(bob, "caf\u00e9.py")


async def test_what_is_not_mine_is_not_there(
    ann: httpx2.AsyncClient, app: FastAPI, keys: Keys, pools: Pools
) -> None:
    file_id = await _new(ann)
    async with somebody(app, keys) as bob:
        path = f"/internal/files/{file_id}"
        answers = [
            await bob.get(f"{path}/content"),
            await bob.get(f"{path}/content", params={"version": 1}),
            await _replace(bob, file_id, b"mine now"),
            await bob.delete(path),
            await bob.delete(f"/internal/files/{uuid4()}"),
        ]
    for answer in answers:
        assert is_problem(answer, 404, "not_found")
    assert len({tuple(sorted(answer.json())) for answer in answers}) == 1
    assert len(await _history(pools, file_id)) == 1


async def test_without_a_token_nothing_is_there(app: FastAPI, keys: Keys) -> None:
    async with client_of(app) as nobody:
        assert is_problem(await _upload(nobody), 401, "unauthenticated")
        service = as_service(keys, "checker", "files")
        answer = await nobody.post("/internal/files", params={"name": "a.py"}, headers=service)
        assert is_problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "not_python"),
        ("a.PY", "not_python"),
        ("a.py\0", "not_python"),
        ("a\0b.py", "file_name_invalid"),
        ("../../etc/passwd.py", "file_name_invalid"),
        ("-rf.py", "file_name_invalid"),
        ("x" * 297 + ".py", "file_name_invalid"),
        ("x" * 9_000 + ".py", "file_name_invalid"),
        ("x" * 20_000 + ".py", "invalid"),
    ],
    ids=lambda value: repr(value[:24]),
)
async def test_names_that_are_none_are_refused(
    ann: httpx2.AsyncClient, name: str, code: str
) -> None:
    assert is_problem(await _upload(ann, name), 422, code)


async def test_a_name_that_is_missing_twice_or_not_utf_8(ann: httpx2.AsyncClient) -> None:
    assert is_problem(await ann.post("/internal/files", content=b""), 422, "invalid")
    broken = await ann.post("/internal/files?name=%ff%fe.py", content=b"")
    assert broken.status_code in {201, 422}  # replacement characters are characters
    twice = await ann.post("/internal/files?name=a.py&name=../b.py", content=b"")
    assert is_problem(twice, 422, "file_name_invalid")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"x\0", "not_text"),
        (b"\x7fELF\0", "not_text"),
        ("x".encode("utf-16"), "not_text"),
        (b"# coding: rot13\n", "encoding_unknown"),
        (b"# coding: nonsense\n", "encoding_unknown"),
    ],
)
async def test_what_is_no_text_is_refused(
    ann: httpx2.AsyncClient, content: bytes, code: str
) -> None:
    assert is_problem(await _upload(ann, content=content), 422, code)
    assert (await _upload(ann, content=b"")).status_code == 201


async def test_the_limit_is_exact(ann: httpx2.AsyncClient) -> None:
    assert (await _upload(ann, "fits.py", b"#" * LIMIT)).status_code == 201
    answer = await _upload(ann, "more.py", b"#" * (LIMIT + 1))
    assert is_problem(answer, 413, "file_too_large")
    assert answer.json()["params"] == {"limit": LIMIT}


@pytest.mark.parametrize("announced", [None, "10", "-1", "x", "1_0", "999999999999"])
async def test_reading_stops_at_the_limit_whatever_is_announced(
    ann: httpx2.AsyncClient, announced: str | None
) -> None:
    sent = 0

    def pieces() -> Iterable[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 10_000
            yield b"#" * 10_000

    headers = {"Content-Length": announced} if announced else {}
    answer = await ann.post(
        "/internal/files", params={"name": "a.py"}, content=in_pieces(pieces()), headers=headers
    )
    assert answer.status_code == 413
    assert sent <= LIMIT + 20_000


async def test_of_twenty_uploads_of_one_name_one_wins(ann: httpx2.AsyncClient) -> None:
    contents = [f"x = {number}\n".encode() for number in range(20)]
    answers = await asyncio.gather(*(_upload(ann, "race.py", c) for c in contents))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    winner = next(n for n, answer in enumerate(answers) if answer.status_code == 201)
    file_id = answers[winner].json()["file_id"]
    found = await ann.get(f"/internal/files/{file_id}/content")
    assert found.content == contents[winner]


async def test_twenty_replacements_at_once_are_versions_without_holes(
    ann: httpx2.AsyncClient, pools: Pools
) -> None:
    file_id = await _new(ann)
    contents = {f"y = {number}\n".encode() for number in range(20)}
    answers = await asyncio.gather(*(_replace(ann, file_id, content) for content in contents))
    assert {answer.status_code for answer in answers} <= {200, 409}
    done = [answer.json()["version"] for answer in answers if answer.status_code == 200]
    history = await _history(pools, file_id)
    assert [event.version for event in history] == list(range(1, len(done) + 2))
    assert sorted(done) == list(range(2, len(done) + 2))
    path = f"/internal/files/{file_id}/content"
    kept = {(await ann.get(path, params={"version": v})).content for v in done}
    assert len(kept) == len(done)
    assert kept <= contents


async def test_a_content_is_kept_once_however_many_upload_it(
    ann: httpx2.AsyncClient, app: FastAPI, keys: Keys
) -> None:
    content = f"# {uuid4()}\n".encode()
    answers = await asyncio.gather(*(_upload(ann, f"{n}.py", content) for n in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    wanted = [hashlib.sha256(content).hexdigest(), "0" * 64]
    async with client_of(app, headers=as_service(keys, "checker", "files")) as checker:
        answer = await checker.post("/internal/contents", json={"sha256": wanted})
    assert answer.json() == {wanted[0]: base64.b64encode(content).decode(), wanted[1]: None}


async def test_only_the_checker_asks_for_contents_of_everybody(
    ann: httpx2.AsyncClient, app: FastAPI, keys: Keys
) -> None:
    wanted = {"sha256": ["0" * 64]}
    assert is_problem(await ann.post("/internal/contents", json=wanted), 401, "unauthenticated")
    async with client_of(app, headers=as_service(keys, "notifier", "files")) as other:
        answer = await other.post("/internal/contents", json=wanted)
        assert is_problem(answer, 403, "forbidden")


@pytest.mark.parametrize("wanted", [["x"], ["A" * 64], ["0" * 64] * 501, "0" * 64, [None]])
async def test_garbage_for_contents_is_invalid(app: FastAPI, keys: Keys, wanted: object) -> None:
    async with client_of(app, headers=as_service(keys, "checker", "files")) as checker:
        answer = await checker.post("/internal/contents", json={"sha256": wanted})
        assert is_problem(answer, 422, "invalid")


async def test_more_contents_than_one_answer_carries_come_in_several(
    ann: httpx2.AsyncClient, app: FastAPI, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.files.queries.ANSWER_BYTES", 150_000)
    contents = [bytes([65 + number]) * LIMIT for number in range(4)]
    for number, content in enumerate(contents):
        await _new(ann, f"{number}.py", b"#" + content[1:])
    left = [hashlib.sha256(b"#" + content[1:]).hexdigest() for content in contents]
    calls = 0
    async with client_of(app, headers=as_service(keys, "checker", "files")) as checker:
        while left:
            answer = await checker.post("/internal/contents", json={"sha256": left})
            assert answer.json()
            left, calls = [sha for sha in left if sha not in answer.json()], calls + 1
    assert calls == 4


@pytest.mark.parametrize("version", ["0", "-1", str(2**31), str(10**22), "x", "NaN"])
async def test_garbage_as_a_version_is_invalid(ann: httpx2.AsyncClient, version: str) -> None:
    path = f"/internal/files/{await _new(ann)}/content"
    assert is_problem(await ann.get(path, params={"version": version}), 422, "invalid")


async def test_a_consumer_can_start_from_nothing(
    ann: httpx2.AsyncClient, app: FastAPI, keys: Keys
) -> None:
    file_id = await _new(ann)
    await _replace(ann, file_id, b"y = 2\n")
    seen: list[dict[str, object]] = []
    after = 0
    async with client_of(app, headers=as_service(keys, "reports", "files")) as reports:
        while True:
            path = "/internal/events"
            page = (await reports.get(path, params={"after": after})).json()
            if not page["events"]:
                break
            seen, after = seen + page["events"], page["next"]
        for bad in ("-1", "x", str(2**63), "1e400"):
            answer = await reports.get("/internal/events", params={"after": bad})
            assert is_problem(answer, 422, "invalid")
    mine = [event for event in seen if event["subject"] == stream(UUID(file_id))]
    assert [event["sequence"] for event in mine] == [1, 2]
    assert is_problem(await ann.get("/internal/events"), 401, "unauthenticated")
