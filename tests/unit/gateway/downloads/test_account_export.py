"""The export: all data of a user in one zip, streamed."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx2
import pytest

from services.gateway.downloads.zip_stream import zipped
from services.gateway.identity.renewing_user import RENEWAL, Renewal, RenewingUser
from services.gateway.main import GatewayLimits
from shared.errors import Unavailable
from shared.web.identity import User
from tests.unit.gateway.fake_services import (
    Answer,
    Network,
    Services,
    account,
    answer,
    export,
    factor,
    file,
    mail_record,
    refusal,
    report,
    security_entry,
    stored_version,
    versions,
)

EACH_ONCE = ("sessions", "devices", "tokens", "account-mails")
LIVING, DELETED, TWIN = UUID(int=21), UUID(int=22), UUID(int=23)
CHECKS = [UUID(int=31), UUID(int=32)]
RETRIES_IMMEDIATELY = GatewayLimits(renewal=Renewal(pauses=(0, 0)))
RENEWS_ALWAYS = GatewayLimits(renewal=Renewal(after=0))


KEPT = [
    stored_version(LIVING, 2, "main.py", b"living 2"),
    stored_version(LIVING, 1, "old.py", b"living 1"),
    stored_version(TWIN, 1, "main.py", b"twin"),
    stored_version(DELETED, 1, "main.py", None),
]


@pytest.fixture(autouse=True)
def _all_services(services: Services) -> None:
    delivery = {"ascii_email": "Ann@xn--strae-oqa.example", "pending_ascii_email": None}
    services.on("auth GET /internal/me/export", answer(200, export(delivery=delivery)))
    services.on("auth GET /internal/me/security-log", _log)
    services.on("reports GET /internal/files", _files)
    services.on("reports GET /internal/reports", _reports)
    mails = {"mails": [mail_record()], "next_cursor": None}
    services.on("reports GET /internal/mails", answer(200, mails))
    services.on("files POST /internal/versions", versions(*KEPT))
    services.on("auth POST /internal/sessions/current/access", _prolonged(services))


def _log(request: httpx2.Request) -> httpx2.Response:
    """Two pages."""
    second = request.url.params.get("cursor") == "7"
    page = {"entries": [security_entry()], "next_cursor": None if second else "7"}
    return answer(200, page)(request)


def _files(request: httpx2.Request) -> httpx2.Response:
    living = [file(id=LIVING), file(id=TWIN, name="Main.py")]
    found = [file(id=DELETED)] if request.url.params.get("mark") == "deleted" else living
    return answer(200, {"files": found, "next_cursor": None})(request)


def _reports(request: httpx2.Request) -> httpx2.Response:
    """Two pages."""
    second = request.url.params.get("cursor") == "next"
    page = {"reports": [report(id=CHECKS[second])], "next_cursor": None if second else "next"}
    return answer(200, page)(request)


def _prolonged(services: Services) -> Answer:
    def renewed(request: httpx2.Request) -> httpx2.Response:
        services.session_id = uuid4()
        return answer(200, services.tokens(token=None))(request)

    return renewed


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
    assert told["files/main.py/v2-main.py"] == b"living 2"
    assert told["files/main.py/v1-old.py"] == b"living 1"
    assert told["files/Main.py (2)/v1-main.py"] == b"twin"
    assert not any("(3)/v1-" in name for name in names)
    assert [one["folder"] for one in json.loads(told["files.json"])] == [
        "files/main.py",
        "files/Main.py (2)",
    ]
    assert [one["folder"] for one in json.loads(told["files-2.json"])] == ["files/main.py (3)"]
    listed = json.loads(told["files/main.py/versions.json"])
    assert [(one["version"], one["name"]) for one in listed] == [(2, "main.py"), (1, "old.py")]
    assert "content" not in listed[0]
    assert [one["available"] for one in json.loads(told["files/main.py (3)/versions.json"])] == [
        False
    ]
    for check in CHECKS:
        assert json.loads(told[f"checks/{check}.json"])["findings"]


@pytest.mark.parametrize(
    ("language", "heading"),
    [("en", "What Prereview keeps of you"), ("ru", "Что Prereview хранит")],
)
async def test_it_explains_itself(
    person: httpx2.AsyncClient, services: Services, language: str, heading: str
) -> None:
    kept = export(account=account(language=language, second_factor=factor()))
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
    services.on("files POST /internal/versions", versions())
    response = await person.get("/account/data/export.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        names = archive.namelist()
    assert not any("/v" in name for name in names)
    assert f"checks/{CHECKS[1]}.json" in names


async def test_a_long_history_is_listed_in_several_entries(
    person: httpx2.AsyncClient, services: Services
) -> None:
    many = [stored_version(LIVING, number, "main.py", b"x") for number in range(250, 0, -1)]
    services.on("files POST /internal/versions", versions(*many))
    response = await person.get("/account/data/export.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        pages = [
            json.loads(archive.read(f"files/main.py/versions{n}.json")) for n in ("", "-2", "-3")
        ]
    assert [one["version"] for page in pages for one in page] == list(range(250, 0, -1))
    assert [len(page) for page in pages] == [100, 100, 50]


async def test_the_last_entry_tells_that_all_is_there(
    person: httpx2.AsyncClient, services: Services
) -> None:
    response = await person.get("/account/data/export.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        *others, last = archive.namelist()
        told = json.loads(archive.read(last))
    assert last == "complete.json"
    assert (told["complete"], told["entries_before"]) == (True, len(others))


@pytest.mark.parametrize("limits", [RETRIES_IMMEDIATELY])
async def test_what_is_away_for_a_moment_is_asked_again(
    program: httpx2.AsyncClient, services: Services
) -> None:
    for route, back in (
        ("reports GET /internal/reports", _reports),
        ("files POST /internal/versions", versions(*KEPT)),
    ):
        services.on(route, _unavailable_once(back))
    response = await program.get("/api/v1/me/export")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.namelist()[-1] == "complete.json"


def _unavailable_once(back: Answer) -> Answer:
    return _in_order(refusal(503, "unavailable"), back)


def _in_order(*replies: Answer) -> Answer:
    """One after the other, and then the last one for ever."""
    left = list(replies)

    def reply(request: httpx2.Request) -> httpx2.Response:
        return (left.pop(0) if left[1:] else left[0])(request)

    return reply


@pytest.mark.parametrize("limits", [RENEWS_ALWAYS])
async def test_an_export_by_a_program_goes_on_with_new_tokens(
    program: httpx2.AsyncClient, services: Services
) -> None:
    """Each call has a new token, got with the previous one."""
    await program.get("/api/v1/me/export")
    renewed = services.called("auth POST /internal/sessions/current/access")
    asked = services.called("(files|reports) .*")
    # One before the answer begins, and one for each page; two of the log of auth.
    assert len(renewed) == len(asked) + 3
    tokens = [call.headers["authorization"] for call in (*renewed, asked[-1])]
    assert len(set(tokens)) == len(tokens)


@pytest.mark.parametrize("limits", [RENEWS_ALWAYS])
async def test_an_export_breaks_off_when_the_session_has_ended(
    program: httpx2.AsyncClient, services: Services
) -> None:
    replies = [*[_prolonged(services)] * 5, refusal(401, "unauthenticated")]
    services.on("auth POST /internal/sessions/current/access", _in_order(*replies))
    response = await program.get("/api/v1/me/export")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(response.content))


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
        mails = [mail_record(attempts=page)]
        return answer(200, {"mails": mails, "next_cursor": cursor})(request)

    services.on("reports GET /internal/mails", mails)
    response = await person.get("/account/data/export.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        found = [json.loads(archive.read(f"mails{n}.json")) for n in ("", "-2", "-3")]
    assert [[mail["attempts"] for mail in page] for page in found] == [[1], [2], [3]]


ARCHIVES = ["/account/data/export.zip", "/files.zip"]


class Stuck(httpx2.AsyncBaseTransport):
    """Holds calls for the content of files back until `go_on` is set."""

    def __init__(self, services: Services) -> None:
        self._others = services.transport()
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/internal/versions":
            self.reached.set()
            await self.go_on.wait()
        return await self._others.handle_async_request(request)


@pytest.fixture
def stuck(services: Services, network: Network) -> Stuck:
    network.transport = stuck = Stuck(services)
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
    services.on("auth GET /internal/me/export", refusal(403, "session_required"))
    response = await program.get("/api/v1/me/export")
    assert (response.status_code, response.json()["code"]) == (403, "session_required")


@pytest.mark.parametrize("limits", [RETRIES_IMMEDIATELY])
async def test_half_an_archive_is_never_taken_for_the_whole(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("reports GET /internal/mails", refusal(503, "unavailable"))
    response = await program.get("/api/v1/me/export")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(response.content))


async def test_the_token_is_renewed_before_it_runs_out() -> None:
    now, asked = 0.0, 0

    async def renew(last: User | None) -> User:
        nonlocal asked
        assert (last is None) == (asked == 0)
        asked += 1
        return User(uuid4(), uuid4(), f"token {asked}")

    bearer = RenewingUser(renew, clock=lambda: now)
    tokens = [(await bearer.user()).token for _ in range(3)]
    assert tokens == ["token 2"] * 3  # nobody knows how old the first one was
    now = RENEWAL.after
    assert (await bearer.user()).token == "token 3"


async def test_a_token_that_could_not_be_renewed_is_used_meanwhile() -> None:
    now, unreachable = 0.0, False

    async def renew(last: User | None) -> User:
        if unreachable:
            raise Unavailable
        return User(uuid4(), uuid4(), "token")

    bearer = RenewingUser(renew, clock=lambda: now)
    await bearer.user()
    second = await bearer.user()
    now, unreachable = RENEWAL.after, True
    assert await bearer.user() == second
    unreachable = False
    assert await bearer.user() == second
    now += RENEWAL.retry_after
    assert await bearer.user() != second


async def test_an_archive_is_made_piece_by_piece() -> None:
    sent, turn = 0, asyncio.Semaphore(1)

    async def batches() -> AsyncIterator[list[tuple[str, bytes]]]:
        nonlocal sent
        for n in range(3):
            sent = n
            assert turn.locked()
            yield [(f"папка/{2 * n + k}.py", bytes(range(256)) * 400) for k in range(2)]

    pieces, after = [], []
    async for piece in zipped(batches(), datetime(2026, 11, 22, 12, tzinfo=UTC), turn):
        assert not turn.locked()  # others go on while this piece is sent
        pieces.append(piece)
        after.append(sent)
    assert after[:4] == [0, 1, 2, 2]
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"папка/{n}.py" for n in range(6)]
        assert archive.getinfo("папка/0.py").date_time == (2026, 11, 22, 12, 0, 0)


async def test_archives_of_several_people_are_worked_at_in_turns() -> None:
    """A long archive gets no more slots than the others that wait."""
    turn, order = asyncio.Semaphore(1), []

    async def batches(name: str, count: int) -> AsyncIterator[list[tuple[str, bytes]]]:
        for n in range(count):
            order.append(name)
            yield [(f"{n}.py", b"x")]

    async def read(name: str, count: int) -> None:
        async for _ in zipped(batches(name, count), datetime(2026, 11, 22, tzinfo=UTC), turn):
            await asyncio.sleep(0)

    await asyncio.gather(read("long", 30), read("short", 3))
    assert order.index("short") <= 1
    assert order[:7].count("short") == 3
