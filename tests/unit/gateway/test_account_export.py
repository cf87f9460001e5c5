"""The export: everything of a person in one zip, made while it is sent."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from services.gateway.archive import zipped
from services.gateway.bearer import RENEW, Bearer
from services.gateway.clients import Files
from shared.web.identity import User
from tests.unit.gateway.services import (
    NOW,
    Services,
    account,
    answer,
    api_token,
    file,
    refusal,
    report,
    security_entry,
    session,
    summary,
)

EACH_ONCE = ("sessions", "devices", "tokens", "account-mails")
LIVING, DELETED, TWIN = UUID(int=21), UUID(int=22), UUID(int=23)
CHECKS = [UUID(int=31), UUID(int=32)]


def version(number: int, name: str, **changes: Any) -> dict[str, Any]:
    return {"version": number, "name": name, "available": True, "saved_at": NOW, **changes}


@pytest.fixture(autouse=True)
def _all_services(services: Services) -> None:
    services.on(
        "auth GET /internal/me/export",
        answer(
            200,
            {
                "account": account(),
                "delivery": {"ascii_email": "Ann@xn--strae-oqa.example"},
                "sessions": [session()],
                "devices": [{"first_seen_at": NOW, "last_seen_at": NOW}],
                "tokens": [api_token()],
                "mails": [{"kind": "confirm_email", "email": "ann@example.org"}],
            },
        ),
    )
    services.on("auth GET /internal/me/security-log", _log)
    services.on("reports GET /internal/files", _files)
    services.on("reports GET /internal/checks", _checks)
    services.on("reports GET /internal/checks/.*", _check)
    mails = {"mails": [{"mail_id": str(uuid4()), "state": "sent"}], "next_cursor": None}
    services.on("reports GET /internal/mails", answer(200, mails))
    services.on("files GET /internal/files/.*/versions", _versions)
    services.on("files GET /internal/files/.*/content", _content)


def _log(request: httpx2.Request) -> httpx2.Response:
    """Two pages."""
    second = request.url.params.get("cursor") == "7"
    page = {"entries": [security_entry()], "next_cursor": None if second else "7"}
    return answer(200, page)(request)


def _files(request: httpx2.Request) -> httpx2.Response:
    living = [file(id=LIVING), file(id=TWIN, name="Main.py")]
    found = [file(id=DELETED)] if request.url.params.get("mark") == "deleted" else living
    return answer(200, {"files": found, "next_cursor": None})(request)


def _checks(request: httpx2.Request) -> httpx2.Response:
    """Two pages."""
    second = request.url.params.get("cursor") == "next"
    page = {"checks": [summary(id=CHECKS[second])], "next_cursor": None if second else "next"}
    return answer(200, page)(request)


def _check(request: httpx2.Request) -> httpx2.Response:
    return answer(200, report(id=request.url.path.rpartition("/")[2]))(request)


def _versions(request: httpx2.Request) -> httpx2.Response:
    """Of the living file two pages, of the deleted one a version whose bytes are gone."""
    if str(LIVING) not in request.url.path:
        available = str(DELETED) not in request.url.path
        found = [version(1, "main.py", available=available)]
        return answer(200, {"versions": found, "next_before": None})(request)
    if request.url.params.get("before") == "2":
        return answer(200, {"versions": [version(1, "old.py")], "next_before": None})(request)
    return answer(200, {"versions": [version(2, "main.py")], "next_before": 2})(request)


def _content(request: httpx2.Request) -> httpx2.Response:
    text = f"{request.url.path} {request.url.params['version']}".encode()
    return answer(200, text, X_File_Name="x.py", X_File_Version="1")(request)


async def test_everything_is_in_it(person: httpx2.AsyncClient) -> None:
    response = await person.get("/account/data/export.zip")
    assert response.headers["content-type"] == "application/zip"
    assert "attachment" in response.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        told = {name: archive.read(name) for name in names}
    assert len(set(names)) == len(names)
    kept = json.loads(told["account.json"])
    assert (kept["email"], kept["ascii_email"]) == ("ann@example.org", "Ann@xn--strae-oqa.example")
    assert [len(json.loads(told[f"{one}.json"])) for one in EACH_ONCE] == [1] * 4
    for page in ("", "-2"):
        assert json.loads(told[f"security-log{page}.json"])[0]["kind"] == "signed_in"
    assert json.loads(told["mails.json"])[0]["state"] == "sent"
    assert told["files/main.py/v2-main.py"].endswith(b"2")
    assert told["files/main.py/v1-old.py"].endswith(b"1")
    assert str(TWIN).encode() in told["files/Main.py (2)/v1-main.py"]
    assert not any("(3)/v1-" in name for name in names)
    assert [one["folder"] for one in json.loads(told["files.json"])] == [
        "files/main.py",
        "files/Main.py (2)",
    ]
    assert [one["folder"] for one in json.loads(told["files-2.json"])] == ["files/main.py (3)"]
    versions = [f"files/main.py/versions{page}.json" for page in ("", "-2")]
    assert [[one["version"] for one in json.loads(told[page])] for page in versions] == [[2], [1]]
    assert len(json.loads(told["files/main.py (3)/versions.json"])) == 1
    for check in CHECKS:
        assert json.loads(told[f"checks/{check}.json"])["findings"]


@pytest.mark.parametrize(
    ("language", "heading"),
    [("en", "What Prereview keeps of you"), ("ru", "Что Prereview хранит")],
)
async def test_it_explains_itself(
    person: httpx2.AsyncClient, services: Services, language: str, heading: str
) -> None:
    kept: dict[str, Any] = {part: [] for part in ("sessions", "devices", "tokens", "mails")}
    kept["account"] = account(language=language)
    services.on("auth GET /internal/me/export", answer(200, kept))
    response = await person.get("/account/data/export.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        names = archive.namelist()
        guide = archive.read(names[0]).decode()
    assert names[0] == "README.txt"
    assert guide.startswith(heading)
    for name in {name for name in names if "/" not in name and "-2." not in name} - {names[0]}:
        assert f"\n{name}\n" in guide


async def test_bytes_that_are_gone_are_left_out(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files GET /internal/files/.*/content", refusal(410, "content_erased"))
    response = await person.get("/account/data/export.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert not any("/v1-" in name for name in archive.namelist())
    services.on("files GET /internal/files/.*/versions", refusal(404, "not_found"))
    response = await person.get("/account/data/export.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert "checks" in archive.namelist()[-2]


async def test_files_that_move_meanwhile_are_neither_missed_nor_doubled(
    person: httpx2.AsyncClient, services: Services
) -> None:
    """The list is walked in the order of changes: what is changed moves on, to its end."""
    moved, deleted, restored = (UUID(int=number) for number in (41, 42, 43))
    pages: dict[tuple[str, str], tuple[list[UUID], str | None]] = {
        ("", ""): ([LIVING, moved], "next"),
        ("", "next"): ([moved, LIVING], None),  # both were replaced while the export went on
        ("deleted", ""): ([deleted, LIVING], None),  # that one was deleted after it was met
    }
    looks = 0

    def listed(request: httpx2.Request) -> httpx2.Response:
        nonlocal looks
        asked = request.url.params
        assert asked["sort"] == "uploaded_at"
        at = (asked.get("mark", ""), asked.get("cursor", ""))
        looks += at == ("", "")
        ids, cursor = pages[at] if looks < 2 else ([moved, restored], None)
        found = [file(id=one, name=f"{one.int}.py") for one in ids]
        return answer(200, {"files": found, "next_cursor": cursor})(request)

    services.on("reports GET /internal/files", listed)
    response = await person.get("/account/data/export.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        names = archive.namelist()
        told = [
            one["id"]
            for name in names
            if name.startswith("files") and "/" not in name
            for one in json.loads(archive.read(name))
        ]
    assert told == [str(one) for one in (LIVING, moved, deleted, restored)]
    assert len(set(names)) == len(names)


async def test_long_lists_come_a_page_at_a_time(
    person: httpx2.AsyncClient, services: Services
) -> None:
    def mails(request: httpx2.Request) -> httpx2.Response:
        page = int(request.url.params.get("cursor", "1"))
        cursor = str(page + 1) if page < 3 else None
        return answer(200, {"mails": [{"n": page}], "next_cursor": cursor})(request)

    services.on("reports GET /internal/mails", mails)
    response = await person.get("/account/data/export.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        found = [json.loads(archive.read(f"mails{n}.json")) for n in ("", "-2", "-3")]
    assert found == [[{"n": 1}], [{"n": 2}], [{"n": 3}]]


ARCHIVES = ["/account/data/export.zip", "/files.zip"]


class Stuck(httpx2.AsyncBaseTransport):
    """Lets nobody have a file's bytes until it is told to."""

    def __init__(self, services: Services) -> None:
        self._others = services.transport()
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/content"):
            self.reached.set()
            await self.go_on.wait()
        return await self._others.handle_async_request(request)


@pytest.fixture
def stuck(person: httpx2.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch) -> Stuck:
    stuck = Stuck(services)
    app = person._transport.app  # type: ignore[attr-defined]
    monkeypatch.setattr(app.state.provided[Files]._client, "_transport", stuck)
    return stuck


@pytest.mark.parametrize("first", ARCHIVES)
@pytest.mark.parametrize("second", [*ARCHIVES, "/api/v1/me/export", "/api/v1/files/archive"])
async def test_a_person_gets_one_archive_at_a_time(
    person: httpx2.AsyncClient, services: Services, stuck: Stuck, first: str, second: str
) -> None:
    running = asyncio.create_task(person.get(first))
    await stuck.reached.wait()
    bearer = {"Authorization": f"Bearer {services.access_token()}"}
    refused = await person.get(second, headers=bearer)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    if second.startswith("/api"):
        assert refused.json()["code"] == "export_running"
    else:
        assert "You are downloading such an archive already." in refused.text
    services.user_id = uuid4()  # somebody else
    other = {"Authorization": f"Bearer {services.access_token()}"}
    another = asyncio.create_task(person.get("/api/v1/files/archive", headers=other))
    stuck.go_on.set()
    assert [(await one).status_code for one in (running, another)] == [200, 200]
    assert (await person.get(second, headers=bearer)).status_code == 200


async def test_who_leaves_may_begin_again(person: httpx2.AsyncClient, stuck: Stuck) -> None:
    left = asyncio.create_task(person.get("/files.zip"))
    await stuck.reached.wait()
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    stuck.go_on.set()
    assert (await person.get("/files.zip")).status_code == 200


async def test_a_refused_export_is_over(person: httpx2.AsyncClient, services: Services) -> None:
    services.on("reports GET /internal/files", refusal(503, "unavailable"))
    assert (await person.get("/files.zip")).status_code == 503
    services.on("reports GET /internal/files", _files)
    assert (await person.get("/files.zip")).status_code == 200


async def test_the_api_gives_the_same(program: httpx2.AsyncClient) -> None:
    response = await program.get("/api/v1/me/export")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert "account.json" in archive.namelist()


async def test_a_limited_token_gets_a_refusal_and_no_archive(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth GET /internal/me/export", refusal(403, "session_needed"))
    response = await program.get("/api/v1/me/export")
    assert (response.status_code, response.json()["code"]) == (403, "session_needed")


async def test_half_an_archive_is_never_taken_for_the_whole(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("reports GET /internal/mails", refusal(503, "unavailable"))
    response = await program.get("/api/v1/me/export")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(response.content))


async def test_the_token_is_renewed_before_it_runs_out() -> None:
    now, asked = 0.0, 0

    async def fresh() -> User:
        nonlocal asked
        asked += 1
        return User(uuid4(), uuid4(), f"token {asked}")

    bearer = Bearer(fresh, lambda: now)
    assert (await bearer.user()).token == (await bearer.user()).token == "token 1"
    now = RENEW
    assert (await bearer.user()).token == "token 2"


async def test_an_archive_is_made_piece_by_piece() -> None:
    sent = 0

    async def entries() -> AsyncIterator[tuple[str, bytes]]:
        nonlocal sent
        for n in range(3):
            sent = n
            yield f"папка/{n}.py", bytes(range(256)) * 400

    pieces, after = [], []
    async for piece in zipped(entries(), datetime(2026, 11, 22, 12, tzinfo=UTC)):
        pieces.append(piece)
        after.append(sent)
    assert after == [0, 1, 2, 2]
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"папка/{n}.py" for n in range(3)]
        assert archive.getinfo("папка/0.py").date_time == (2026, 11, 22, 12, 0, 0)
