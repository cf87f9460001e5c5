"""What comes in forms: read in memory, no further than the limit, one name per file."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from services.gateway.main import GatewayLimits
from shared.web.retries import RetryPolicy
from tests.unit.gateway.conftest import Browsers
from tests.unit.gateway.fake_services import EVENT, Services, answer, file, refusal, saved

MAX_FILE_BYTES = 1024 * 1024
SAVED = saved()
BOUNDARY = {"Content-Type": "multipart/form-data; boundary=b"}


WAYS_IN = [
    ("POST", "/api/v1/files"),
    ("PUT", f"/api/v1/files/{file()['id']}/content"),
    ("POST", "/"),
    ("POST", f"/files/{file()['id']}/change"),
]


def form(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def part(disposition: bytes, content: bytes = b"x = 1\n") -> bytes:
    return b"Content-Disposition: " + disposition + b"\r\n\r\n" + content


def taken(services: Services) -> list[str]:
    """The names under which files got something."""
    return [call.url.params["name"] for call in services.called("files POST /internal/files")]


@pytest.fixture(autouse=True)
def _files(services: Services) -> None:
    services.on("files POST /internal/files", answer(201, SAVED))
    services.on("reports GET /internal/files/[^/]*", answer(200, file()))


@pytest.mark.parametrize(
    "name",
    [
        "main.py",
        "отчёт.py",
        "-rf.py",
        "../../etc/passwd",
        "C:\\temp\\x.py",
        "a\x00.py",
        "a%00.py",
        "=?utf-8?q?=0D=0ABcc=3A_x=40y.z?=.py",
        "x" * 300,
        "\U0001f40d" * 900,
        " ",
        "<b>.py",
        "{{7*7}}.py",
        "%s.py",
    ],
)
async def test_names_reach_files_as_they_were_sent(
    program: httpx2.AsyncClient, services: Services, name: str
) -> None:
    disposition = f'form-data; name="file"; filename="{name}"'.encode()
    response = await program.post(
        "/api/v1/files", content=form(part(disposition)), headers=BOUNDARY
    )
    assert response.status_code == 201, response.text
    assert taken(services) == [name]


@pytest.mark.parametrize(
    ("disposition", "code"),
    [
        (b'form-data; name="file"', "file_name_missing"),
        (b'form-data; name="file"; filename=""', "file_name_missing"),
        (b"form-data; name=\"file\"; filename*=UTF-8''main.py", "file_name_missing"),
        (b'form-data; name="file"; filename="a.py"; filename="b.py"', "upload_invalid"),
        (b'form-data; name="file"; name="file"; filename="a.py"', "upload_invalid"),
        (b'form-data; filename="a.py"', "upload_invalid"),
        (b'form-data; name="other"; filename="a.py"', "upload_invalid"),
        (b'attachment; name="file"; filename="a.py"', "upload_invalid"),
        (b'form-data; name="file"; filename="\xff\xfe.py"', "file_name_unreadable"),
        (b'form-data; name="file"; filename="' + b"x" * 9000 + b'.py"', "file_name_unreadable"),
        (b'form-data; name="file"; filename="' + b"x" * 90_000 + b'.py"', "upload_invalid"),
    ],
)
async def test_a_part_must_say_its_name_once(
    program: httpx2.AsyncClient,
    person: httpx2.AsyncClient,
    services: Services,
    disposition: bytes,
    code: str,
) -> None:
    response = await program.post(
        "/api/v1/files", content=form(part(disposition)), headers=BOUNDARY
    )
    assert (response.status_code, response.json()["code"]) == (422, code)
    for method, path in WAYS_IN[1:]:
        if path == "/" and b'"other"' in disposition:
            continue  # the page takes the files of any field
        named = disposition.replace(b'name="file"', b'name="files"') if path == "/" else disposition
        http = program if path.startswith("/api") else person
        response = await http.request(method, path, content=form(part(named)), headers=BOUNDARY)
        assert response.status_code == 422, path
    assert not services.called("files (POST|PUT) .*")


ONE = part(b'form-data; name="file"; filename="a.py"')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x" * 1000,
        form(),
        form(ONE, ONE),
        form(ONE, part(b'form-data; name="more"')),
        form(ONE)[:-8],
        b"--b\r\n\r\n\r\n--b--",
        form(b'Content-Disposition: form-data; name="file"\r\n' + ONE),
    ],
    ids=["empty", "garbage", "no part", "two", "more", "torn", "no header", "two dispositions"],
)
async def test_anything_but_one_whole_file_is_refused(
    program: httpx2.AsyncClient, services: Services, body: bytes
) -> None:
    response = await program.post("/api/v1/files", content=body, headers=BOUNDARY)
    assert response.status_code == 422
    assert not taken(services)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {**BOUNDARY, "Content-Encoding": "gzip"},
    ],
)
async def test_other_kinds_of_content_are_refused(
    program: httpx2.AsyncClient,
    person: httpx2.AsyncClient,
    services: Services,
    headers: dict[str, str],
) -> None:
    for method, path in WAYS_IN:
        http = program if path.startswith("/api") else person
        response = await http.request(method, path, content=form(ONE), headers=headers)
        assert response.status_code == 415, path
        if http is program:
            assert response.json()["code"] == "unsupported_media_type"
    assert not services.called("files (POST|PUT) .*")


@pytest.mark.parametrize(
    "kind", ["application/zip", "text/html", "nonsense", "text/x-python; charset=utf-16", ""]
)
async def test_what_a_part_says_it_is_decides_nothing(
    program: httpx2.AsyncClient, services: Services, kind: str
) -> None:
    response = await program.post("/api/v1/files", files={"file": ("a.py", b"x = 1\n", kind)})
    assert response.status_code == 201
    assert services.called("files POST .*")[0].content == b"x = 1\n"


@pytest.mark.parametrize(("path", "field"), [("/api/v1/files", "file"), ("/", "files")])
async def test_an_empty_file_is_a_file(
    program: httpx2.AsyncClient,
    person: httpx2.AsyncClient,
    services: Services,
    path: str,
    field: str,
) -> None:
    http = program if path.startswith("/api") else person
    assert (await http.post(path, files={field: ("a.py", b"")})).status_code in {201, 303}
    assert [call.content for call in services.called("files POST .*")] == [b""]


async def test_bytes_arrive_unchanged_up_to_the_limit(
    program: httpx2.AsyncClient, services: Services
) -> None:
    content = b"\r\n--b not quite\r\n\x00\xff" + b"#" * (MAX_FILE_BYTES - 19)
    response = await program.post("/api/v1/files", files={"file": ("a.py", content)})
    assert response.status_code == 201
    assert services.called("files POST .*")[0].content == content


async def test_reading_ends_at_the_limit_whatever_the_length_claims(
    program: httpx2.AsyncClient, services: Services
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b"--b\r\n" + part(b'form-data; name="file"; filename="a.py"', b"")
        while True:
            sent += 65536
            yield b"#" * 65536

    response = await program.post("/api/v1/files", content=endless(), headers=BOUNDARY)
    assert (response.status_code, response.json()["code"]) == (413, "file_too_large")
    assert response.json()["params"] == {"limit": MAX_FILE_BYTES}
    assert sent <= MAX_FILE_BYTES + 2 * 65536
    assert not taken(services)


async def test_five_thousand_parts_are_too_many(
    program: httpx2.AsyncClient, person: httpx2.AsyncClient
) -> None:
    body = form(*[part(b'form-data; name="x"')] * 5000)
    for http, path in ((program, "/api/v1/files"), (person, "/")):
        response = await http.post(path, content=body, headers=BOUNDARY)
        assert response.status_code == 400


async def test_each_file_of_a_form_is_answered_by_name(
    person: httpx2.AsyncClient, services: Services
) -> None:
    def upload(request: httpx2.Request) -> httpx2.Response:
        refusals = {
            "notes.txt": refusal(422, "not_python"),
            "main.py": refusal(409, "file_name_taken", file_id=str(file()["id"])),
        }
        return refusals.get(request.url.params["name"], answer(201, SAVED))(request)

    services.on("files POST /internal/files", upload)
    names = ("good.py", "notes.txt", "main.py", "<i>.py")
    files = [("files", (name, b"x")) for name in names]
    files.append(("files", ("huge.py", b"#" * (MAX_FILE_BYTES + 1))))
    response = await person.post("/", files=files)
    assert response.status_code == 422
    assert taken(services) == list(names)
    told = " ".join(response.text.split())
    assert '<bdi class="name fw-bold">good.py</bdi> Uploaded.' in told
    assert '<bdi class="name fw-bold">notes.txt</bdi> Only Python files can be uploaded' in told
    assert f'<a href="/files/{file()["id"]}/change">Replace that file</a>' in told
    assert "The file is larger than 1 MB." in told
    assert '<bdi class="name fw-bold">&lt;i&gt;.py</bdi> Uploaded.' in told
    assert "<i>.py" not in told


async def test_a_file_above_the_limit_is_named_beside_one_that_was_taken(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files POST /internal/files", answer(201, SAVED))
    huge = ("files", ("huge.py", b"#" * (MAX_FILE_BYTES + 1)))
    response = await person.post("/", files=[("files", ("good.py", b"x")), huge])
    assert response.status_code == 413
    told = " ".join(response.text.split())
    assert '<bdi class="name fw-bold">good.py</bdi> Uploaded.' in told
    assert "The file is larger than 1 MB." in told


async def test_when_all_is_well_the_list_shows_what_came(
    person: httpx2.AsyncClient, services: Services
) -> None:
    files = [("files", (f"{n}.py", b"x")) for n in range(2)]
    response = await person.post("/", files=files)
    assert (response.status_code, response.headers["location"]) == (303, f"/?after={EVENT}&added=2")
    page = await person.get(response.headers["location"])
    assert "2 files are here and will be checked." in page.text
    assert services.called("reports GET /internal/files")[-1].url.params["after"] == str(EVENT)


async def test_files_of_the_same_name_are_replaced_where_the_box_is_ticked(
    person: httpx2.AsyncClient, services: Services
) -> None:
    same = saved(event_id=None, unchanged=True)

    def upload(request: httpx2.Request) -> httpx2.Response:
        known = request.url.params["name"] == "same.py"
        return answer(201, same if known else SAVED)(request)

    services.on("files POST /internal/files", upload)
    files = [("files", (f"{name}.py", b"x")) for name in ("same", "other")]
    box = [("replace", (None, "yes"))]
    response = await person.post("/", files=[*box, *files])
    asked = [call.url.params.get("replace") for call in services.called("files POST .*")]
    assert asked == ["true", "true"]
    told = " ".join((await person.get(response.headers["location"])).text.split())
    assert "1 file is here and will be checked." in told
    assert "1 file is the same as before, so nothing changed." in told
    await person.post("/", files=files)
    assert services.called("files POST .*")[-1].url.params.get("replace") is None


async def test_who_is_too_quick_hears_when_to_go_on(
    person: httpx2.AsyncClient, services: Services
) -> None:
    refused = {"status": 429, "code": "too_many_uploads", "params": {"seconds": 7}}
    services.on("files POST .*", answer(429, refused, Retry_After="7"))
    response = await person.post("/", files=[("files", ("a.py", b"x"))])
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize("files", [[("files", ("", b""))], [("other", (None, b""))]])
async def test_without_a_file_the_form_says_so(
    person: httpx2.AsyncClient, files: list[tuple[str, tuple[str | None, bytes]]]
) -> None:
    response = await person.post("/", files=files)
    assert response.status_code == 422
    assert "Choose a file first." in response.text


async def test_a_form_carries_so_many_files_and_the_others_are_named(
    browsers: Browsers, services: Services
) -> None:
    services.on("files POST /internal/files", answer(201, SAVED))
    async with browsers(upload_files=3) as http:
        await http.post("/login", data={"email": "a", "password": "b"})
        response = await http.post("/", files=[("files", (f"{n}.py", b"x")) for n in range(5)])
    assert response.status_code == 422
    assert taken(services) == ["0.py", "1.py", "2.py"]
    told = " ".join(response.text.split())
    assert "3 uploaded, 2 refused" in told
    for name in ("3.py", "4.py"):
        sentence = "At most 3 files can be uploaded at once."
        assert f'<bdi class="name fw-bold">{name}</bdi> {sentence}' in told


TWICE = {
    "two folders": ("__init__.py", "__init__.py"),
    "an é of one character and of two": ("caf\u00e9.py", "cafe\u0301.py"),
    "the other way round": ("\u0438\u0306.py", "й.py"),
    "Korean": ("\uac00.py", "\u1100\u1161.py"),
}


@pytest.mark.parametrize("names", TWICE.values(), ids=TWICE)
@pytest.mark.parametrize("box", ["yes", "no", "", None])
async def test_of_two_files_of_one_name_the_second_is_refused(
    person: httpx2.AsyncClient, services: Services, box: str | None, names: tuple[str, str]
) -> None:
    services.on("files POST /internal/files", answer(201, SAVED))
    files: list[Any] = [
        ("files", (name, content)) for name, content in zip(names, (b"a", b"b"), strict=True)
    ]
    ticked = [] if box is None else [("replace", (None, box))]
    response = await person.post("/", files=[*ticked, *files, ("files", ("last.py", b"c"))])
    assert response.status_code == 422
    assert taken(services) == [names[0], "last.py"]
    asked = [call.url.params.get("replace") for call in services.called("files POST .*")]
    assert asked == ["true" if box == "yes" else None] * 2
    told = " ".join(response.text.split())
    assert f'<bdi class="name fw-bold">{names[0]}</bdi> Uploaded.' in told
    assert (
        f'<bdi class="name fw-bold">{names[1]}</bdi> Another file of this form has the same name'
        in told
    )
    checked = re.search(r'name="replace" value="yes"( checked)?>', response.text)
    assert checked is not None
    assert bool(checked[1]) == (box == "yes"), "the box is as it was"


async def test_names_that_only_look_alike_are_two(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files POST /internal/files", answer(201, SAVED))
    names = ["a.py", "A.py", "\uff41.py", "\u0430.py"]
    response = await person.post("/", files=[("files", (name, b"x")) for name in names])
    assert response.status_code == 303
    assert taken(services) == names


@pytest.mark.parametrize("limits", [GatewayLimits(retry=RetryPolicy(limit=0.5))])
@pytest.mark.parametrize(
    ("status", "code", "heading"),
    [
        (504, "outcome_unknown", "We can't tell what was uploaded"),
        (422, "too_many_files", "1 uploaded, 1 refused"),
    ],
)
async def test_a_heading_says_no_more_than_is_known(
    person: httpx2.AsyncClient, services: Services, status: int, code: str, heading: str
) -> None:
    def only_a(request: httpx2.Request) -> httpx2.Response:
        is_a = request.url.params["name"] == "a.py"
        return (answer(201, SAVED) if is_a else refusal(status, code, limit=1))(request)

    services.on("files POST /internal/files", only_a)
    names = ["a.py", "b.py"]
    page = await person.post("/", files=[("files", (name, b"x")) for name in names])
    assert heading in page.text
    assert "Nothing was uploaded" not in page.text


async def test_uploads_work_while_reports_is_away(
    person: httpx2.AsyncClient, program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("reports .*", refusal(503, "unavailable"))
    services.on("files POST /internal/files", answer(201, saved(name="a.py", size=6)))
    response = await person.post("/", files={"files": ("a.py", b"x")})
    assert response.status_code == 303
    page = await person.get(response.headers["location"])
    assert page.status_code == 503
    assert "Nothing you uploaded is lost." in page.text
    assert 'type="file"' in page.text

    answered = await program.post("/api/v1/files", files={"file": ("a.py", b"x = 1\n")})
    assert answered.status_code == 201
    told = answered.json()
    assert (told["name"], told["version"], told["check"]) == ("a.py", 1, "waiting")
    assert told["size"] == 6
