"""The outcome of a command whose call fails: not done (503), done, or unknown (504)."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from services.gateway.main import GatewayLimits
from shared.web.retries import RetryPolicy
from tests.unit.gateway.fake_services import (
    Answer,
    Network,
    Services,
    answer,
    file,
    refusal,
    saved,
    unreachable,
)
from tests.unit.gateway.uploads.test_forms import BOUNDARY, form, part

FILE = f"/api/v1/files/{file()['id']}"


def connection_broken(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadError("", request=request)


def timed_out(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("", request=request)


def pool_full(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.PoolTimeout("", request=request)


def in_order(*replies: Answer) -> Answer:
    """The last one from then on."""
    waiting: Iterator[Answer] = iter(replies[:-1])

    def reply(request: httpx2.Request) -> httpx2.Response:
        return next(waiting, replies[-1])(request)

    return reply


class Clock:
    """Advances by the time slept, and by a millisecond on each reading."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 0.001
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def limits() -> GatewayLimits:
    clock = Clock()
    return GatewayLimits(retry=RetryPolicy(monotonic=clock.monotonic, sleep=clock.sleep))


def _keys(services: Services) -> list[str]:
    return [call.headers["idempotency-key"] for call in services.called("files .*")]


CREATED = answer(201, saved())
DATABASE_UNAVAILABLE = refusal(503, "database_unavailable")
UNKNOWN = refusal(504, "outcome_unknown")


@pytest.mark.parametrize(
    ("replies", "status", "code", "times"),
    [
        ((unreachable,), 503, "unavailable", 1),
        ((pool_full,), 503, "unavailable", 1),
        ((DATABASE_UNAVAILABLE,), 503, "database_unavailable", 1),
        ((connection_broken, CREATED), 201, None, 2),
        ((UNKNOWN, CREATED), 201, None, 2),
        (
            (connection_broken, unreachable, unreachable, DATABASE_UNAVAILABLE, CREATED),
            201,
            None,
            5,
        ),
        ((connection_broken, refusal(409, "file_name_taken")), 409, "file_name_taken", 2),
        ((connection_broken, refusal(401, "unauthenticated"), CREATED), 201, None, 3),
        ((connection_broken,), 504, "outcome_unknown", None),
        ((connection_broken, unreachable), 504, "outcome_unknown", None),
        ((connection_broken, DATABASE_UNAVAILABLE), 504, "outcome_unknown", None),
        ((UNKNOWN,), 504, "outcome_unknown", None),
        ((refusal(500, "internal"),), 504, "outcome_unknown", None),
        ((answer(502, b"<html>"),), 504, "outcome_unknown", None),
    ],
)
@pytest.mark.parametrize("act", ["upload", "replace", "delete", "restore"])
async def test_what_has_a_key_is_sent_again_until_it_is_known(
    program: httpx2.AsyncClient,
    services: Services,
    act: str,
    replies: tuple[Answer, ...],
    status: int,
    code: str | None,
    times: int | None,
) -> None:
    services.on("files (POST|PUT|DELETE) .*", in_order(*replies))
    response = await _do(program, act)
    if code is None:
        assert response.status_code in {200, 201, 204}
        assert "idempotent-replayed" not in response.headers
    else:
        assert (response.status_code, response.json()["code"]) == (status, code)
    keys = [call.headers["idempotency-key"] for call in services.called("files (P|D).*")]
    assert len(set(keys)) == 1
    assert len(keys) == times if times else len(keys) > 1


async def _do(program: httpx2.AsyncClient, act: str) -> httpx2.Response:
    files = {"file": ("main.py", b"x = 1\n")}
    match act:
        case "upload":
            return await program.post("/api/v1/files", files=files)
        case "replace":
            return await program.put(f"{FILE}/content", files=files)
        case "delete":
            return await program.delete(FILE)
        case _:
            return await program.post(f"{FILE}/restore")


async def test_the_whole_body_is_sent_again(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files POST .*", in_order(connection_broken, connection_broken, CREATED))
    content = b"# " + b"x" * 200_000
    response = await program.post("/api/v1/files", files={"file": ("a.py", content)})
    assert response.status_code == 201
    assert [call.content for call in services.called("files POST .*")] == [content] * 3


async def test_the_callers_key_is_kept(program: httpx2.AsyncClient, services: Services) -> None:
    services.on("files POST .*", in_order(connection_broken, CREATED))
    files = {"file": ("a.py", b"x")}
    await program.post("/api/v1/files", files=files, headers={"Idempotency-Key": "mine"})
    assert _keys(services) == ["mine", "mine"]


async def test_every_file_of_a_form_has_a_key_of_its_own(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files POST .*", in_order(CREATED, connection_broken, CREATED))
    files = [("files", (f"{number}.py", b"x = %d" % number)) for number in range(2)]
    assert (await person.post("/", files=files)).status_code == 303
    first, second, again = _keys(services)
    assert first != second == again


@pytest.mark.parametrize("refused", [0, 3])
async def test_a_body_that_was_not_whole_cannot_have_been_done(
    program: httpx2.AsyncClient, services: Services, network: Network, refused: int
) -> None:
    """Whoever is killed while a body arrives has not done it; it is sent again from its start.

    A service that was killed refuses connections until it is back.
    """

    class Dies(httpx2.AsyncBaseTransport):
        times, others = 0, services.transport()

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.host == "files" and request.method == "POST":
                self.times += 1
                if self.times == 1:
                    await anext(aiter(request.stream))  # type: ignore[arg-type]
                    raise httpx2.WriteError("", request=request)
                if self.times != refused + 2:
                    raise httpx2.ConnectError("", request=request)
            return await self.others.handle_async_request(request)

    services.on("files POST .*", CREATED)
    network.transport = Dies()

    async def body() -> AsyncIterator[bytes]:
        yield b"--b\r\n" + part(b'form-data; name="file"; filename="a.py"', b"")
        for _ in range(4):
            yield b"#" * 1000
            await asyncio.sleep(0.01)
        yield b"\r\n--b--\r\n"

    response = await program.post("/api/v1/files", content=body(), headers=BOUNDARY)
    assert response.status_code == 201
    assert services.called("files POST .*")[0].content == b"#" * 4000


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (unreachable, 503, "unavailable"),
        (connection_broken, 504, "outcome_unknown"),
        (timed_out, 504, "outcome_unknown"),
        (refusal(500, "internal"), 504, "outcome_unknown"),
        (refusal(503, "database_unavailable"), 503, "database_unavailable"),
    ],
)
async def test_what_has_no_key_is_sent_once(
    program: httpx2.AsyncClient, services: Services, reply: Answer, status: int, code: str
) -> None:
    services.on("auth PATCH .*", reply)
    response = await program.patch("/api/v1/me", json={"language": "ru"})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert len(services.called("auth PATCH .*")) == 1
    assert ("retry-after" in response.headers) == (code == "unavailable")


@pytest.mark.parametrize("reply", [connection_broken, timed_out, refusal(500, "internal")])
async def test_a_question_is_a_question_whatever_its_method(
    program: httpx2.AsyncClient, services: Services, reply: Answer
) -> None:
    """Nothing can have been done; and while auth is away, what was known of a token serves."""
    services.on("auth POST /internal/tokens/access", reply)
    headers = {"Authorization": "Bearer prv_" + "x" * 40}
    response = await program.get("/api/v1/files", headers=headers)
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


async def test_a_browser_is_told_on_a_page(person: httpx2.AsyncClient, services: Services) -> None:
    services.on("files POST .*", connection_broken)
    sent = form(part(b'form-data; name="files"; filename="a.py"'))
    page = await person.post("/", content=sent, headers=BOUNDARY)
    assert page.status_code == 504
    assert "We can&#39;t tell whether this was done. Look before you repeat it." in page.text
