"""Uploads are streamed to files, and incomplete ones are not stored."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from services.gateway.http.content_disposition import part_names
from services.gateway.main import GatewayLimits
from tests.unit.gateway.fake_services import Network, Services, answer, file, refusal, saved
from tests.unit.gateway.uploads.test_forms import BOUNDARY, MAX_FILE_BYTES, form, part, taken

HEAD = part(b'form-data; name="file"; filename="a.py"', b"")


@pytest.fixture(autouse=True)
def _files(services: Services) -> None:
    services.on("files POST /internal/files", answer(201, saved()))
    services.on("reports GET /internal/files/[^/]*", answer(200, file()))


class Watch(httpx2.AsyncBaseTransport):
    """Counts the bytes that have reached files."""

    def __init__(self, services: Services) -> None:
        self._others, self.seen = services.transport(), 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "files" and request.method == "POST":
            async for piece in request.stream:  # type: ignore[union-attr]
                self.seen += len(piece)
            return httpx2.Response(201, json=_plain(saved()))
        return await self._others.handle_async_request(request)


def _plain(body: dict[str, object]) -> dict[str, object]:
    return {name: value if isinstance(value, dict) else str(value) for name, value in body.items()}


async def test_bytes_reach_files_before_the_last_one_came(
    program: httpx2.AsyncClient, services: Services, network: Network
) -> None:
    network.transport = watch = Watch(services)
    reached: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        yield b"--b\r\n" + HEAD
        for _ in range(4):
            yield b"#" * 1000
            reached.append(watch.seen)
        yield b"\r\n--b--\r\n"

    response = await program.post("/api/v1/files", content=body(), headers=BOUNDARY)
    assert response.status_code == 201
    assert reached[-1] >= 2000  # the parser may hold back what could be a boundary
    assert watch.seen == 4000


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"--b\r\n" + HEAD + b"x" * 100, 422, "upload_invalid"),
        (b"--b\r\n" + HEAD + b"x\r\n--b\r\n" + HEAD + b"y\r\n--b--\r\n", 422, "upload_invalid"),
        (b"--b\r\n" + HEAD + b"#" * (MAX_FILE_BYTES + 1) + b"\r\n--b--\r\n", 413, "file_too_large"),
    ],
    ids=["torn", "two", "too large"],
)
@pytest.mark.parametrize("length", [None, b"10", b"99999999"])
async def test_what_is_not_one_whole_file_within_the_limit_is_never_complete_for_files(
    program: httpx2.AsyncClient,
    services: Services,
    body: bytes,
    status: int,
    code: str,
    length: bytes | None,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    headers = BOUNDARY | ({"Content-Length": length.decode()} if length else {})
    response = await program.post("/api/v1/files", content=pieces(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not taken(services)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (b"a%22b.py", 'a"b.py'),
        (b"a%0Ab.py", "a\nb.py"),
        (b"a%0D%0Ab.py", "a\r\nb.py"),
        (b"a%0a%0d.py", "a%0a%0d.py"),
        (b"a%2Fb%20%41.py", "a%2Fb%20%41.py"),
        (b"%2522.py", "%2522.py"),
        (b'a\\"b.py', 'a"b.py'),
    ],
)
def test_exactly_three_sequences_of_browsers_are_read_back(sent: bytes, meant: str) -> None:
    assert part_names(b'form-data; name="file"; filename="' + sent + b'"') == ("file", meant)


async def test_such_names_are_then_judged_like_all_others(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files POST .*", refusal(422, "file_name_invalid", maximum=100, bytes=255))
    body = form(part(b'form-data; name="files"; filename="a%0Ab.py"'))
    response = await person.post("/", content=body, headers=BOUNDARY)
    assert response.status_code == 422
    assert "This name can&#39;t be used." in response.text
    assert taken(services) == ["a\nb.py"]


@pytest.mark.parametrize("limits", [GatewayLimits(chunk_seconds=0.05)])
async def test_files_before_a_stall_are_told_as_taken(
    person: httpx2.AsyncClient, services: Services
) -> None:
    async def stalls() -> AsyncIterator[bytes]:
        yield b"--b\r\n" + HEAD + b"x\r\n--b\r\n" + HEAD.replace(b"a.py", b"b.py")
        yield b"y"
        await asyncio.sleep(3)

    response = await person.post("/", content=stalls(), headers=BOUNDARY)
    assert (response.status_code, response.headers["connection"]) == (408, "close")
    told = " ".join(response.text.split())
    assert '<bdi class="name fw-bold">a.py</bdi> Uploaded.' in told
    assert told.count("The request took too long to arrive.") == 1
    assert taken(services) == ["a.py"]


@pytest.mark.parametrize("limits", [GatewayLimits(chunk_seconds=0.05)])
@pytest.mark.parametrize("path", ["/login", f"/files/{file()['id']}/change", "/api/v1/files"])
async def test_a_body_that_trickles_is_told_with_our_sentence(
    person: httpx2.AsyncClient, program: httpx2.AsyncClient, path: str
) -> None:
    async def trickles() -> AsyncIterator[bytes]:
        yield b"--b\r\n" + HEAD
        await asyncio.sleep(3)

    http = program if path.startswith("/api") else person
    form_of = {"/login": {"Content-Type": "application/x-www-form-urlencoded"}}
    headers = form_of.get(path, BOUNDARY)
    response = await http.post(path, content=trickles(), headers=headers)
    assert (response.status_code, response.headers["connection"]) == (408, "close")
    if http is program:
        assert response.json()["code"] == "request_timeout"
    assert "The request took too long to arrive." in response.text


@pytest.mark.parametrize(
    "path", ["/", f"/files/{file()['id']}/edit", f"/files/{file()['id']}/change"]
)
async def test_five_thousand_fields_are_too_many_for_every_form(
    person: httpx2.AsyncClient, services: Services, path: str
) -> None:
    body = form(*[part(b'form-data; name="x%d"' % n) for n in range(5000)])
    response = await person.post(path, content=body, headers=BOUNDARY)
    assert response.status_code == 400
    assert not services.called("files (POST|PUT) .*")


@pytest.mark.parametrize(
    "path",
    [
        *("/login", "/register", "/language", "/forgotten-password", "/account/password"),
        *("/account/tokens", f"/files/{file()['id']}/delete"),
    ],
)
async def test_five_thousand_fields_are_too_many_without_files_too(
    person: httpx2.AsyncClient, services: Services, path: str
) -> None:
    services.calls.clear()
    response = await person.post(path, data={f"x{n}": "1" for n in range(5000)})
    assert response.status_code == 400
    assert not services.called(".* (POST|PUT|DELETE) .*")


async def test_a_file_of_one_form_is_read_after_the_other(
    person: httpx2.AsyncClient, services: Services
) -> None:
    files = [("files", (f"{n}.py", bytes([65 + n]) * 70_000)) for n in range(5)]
    response = await person.post("/", files=files)
    assert response.status_code == 303
    assert taken(services) == [f"{n}.py" for n in range(5)]
    calls = services.called("files POST .*")
    assert [call.content for call in calls] == [bytes([65 + n]) * 70_000 for n in range(5)]
    assert all("content-length" not in call.headers for call in calls)
