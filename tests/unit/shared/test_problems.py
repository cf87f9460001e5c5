"""Whatever goes wrong, the answer is a problem with a code, the request's id and safe headers."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio
from fastapi import Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from shared.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from shared.settings import Settings
from shared.web.app import create_app
from shared.web.identity import CurrentUser
from shared.web.middleware import MAX_HEADER_BYTES, SECURITY_HEADERS, CatchAll
from shared.web.routes import Router
from tests.support.apps import as_user, client_of, common_settings, in_pieces, is_problem
from tests.support.events import ANN
from tests.support.keys import Keys

router = Router()
ERRORS: dict[str, DomainError] = {
    "invalid": Invalid(),
    "login": Unauthenticated(),
    "forbidden": Forbidden(),
    "missing": NotFound(),
    "conflict": Conflict(),
    "large": TooLarge(limit=7),
    "away": Unavailable(),
}


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    number: int = 0
    price: float = 0.0


@router.get("/raise/{name}")
async def fail(name: str) -> None:
    raise ERRORS.get(name) or RuntimeError("secret of the house")


@router.post("/orders")
async def order(order: Order) -> int:
    return order.number


@router.delete("/orders")
async def forget_orders() -> None:
    pass


@router.post("/big", max_body_size=6 * 1024 * 1024)
async def big(request: Request) -> int:
    return len(await request.body())


@router.get("/pages/{number}")
async def page(number: int, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> int:
    return number + limit


@router.get("/things/{ident}")
async def thing(ident: UUID) -> None:
    pass


@router.get("/me")
async def me(user: CurrentUser) -> UUID:
    return user.user_id


@router.get("/frame")
async def frame() -> PlainTextResponse:
    return PlainTextResponse("mine", headers={"X-Frame-Options": "SAMEORIGIN"})


@pytest_asyncio.fixture
async def client(keys: Keys) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(**common_settings("files", keys))
    async with client_of(create_app("files", settings, [router])) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("invalid", 422, "invalid"),
        ("login", 401, "unauthenticated"),
        ("forbidden", 403, "forbidden"),
        ("missing", 404, "not_found"),
        ("conflict", 409, "conflict"),
        ("large", 413, "too_large"),
        ("away", 503, "unavailable"),
    ],
)
async def test_every_kind_of_error_has_its_status_and_code(
    client: httpx2.AsyncClient, name: str, status: int, code: str
) -> None:
    answer = await client.get(f"/raise/{name}")
    assert is_problem(answer, status, code)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


async def test_a_fault_of_ours_tells_nothing_but_where_to_look(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/raise/bug")
    assert is_problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/%00", "/%ff", "/..%2f..%2fetc/passwd", "//", "/me/"]
)
async def test_what_is_not_there_is_not_found(client: httpx2.AsyncClient, path: str) -> None:
    assert is_problem(await client.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
async def test_services_do_not_publish_their_plans(client: httpx2.AsyncClient, path: str) -> None:
    assert is_problem(await client.get(path), 404, "not_found")


async def test_the_wrong_method_is_named(client: httpx2.AsyncClient) -> None:
    answer = await client.put("/orders", json={"name": "tea"})
    assert is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, POST"  # of two routes


async def test_what_is_wrong_is_named_with_its_place(client: httpx2.AsyncClient) -> None:
    json_type = {"Content-Type": "application/json"}
    for answer, place in (
        (await client.post("/orders", content=b'{"name": "t', headers=json_type), ("body", "body")),
        (await client.post("/orders", json={"name": 17}), ("body", "name")),
        (await client.get("/pages/1", params={"limit": "x"}), ("query", "limit")),
        (await client.get("/pages/x"), ("path", "number")),
    ):
        [error] = answer.json()["errors"]
        assert (error["in"], error["field"]) == place


HOSTILE_BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"name"',
    b"\xff\xfe{}",
    b"{}",
    b'{"name": NaN}',
    b'{"name": "tea", "number": NaN}',
    b'{"name": "tea", "number": 1e400}',
    b'{"name": "tea", "number": 1.5}',
    b'{"name": 17}',
    b'{"name": ["tea"]}',
    b'{"name": "tea", "is_admin": true}',
    b'{"name": "tea", "\\ud800": 1}',
    b'{"name": "tea\xff"}',
    b'{"name": "a", "name": "tea"}',
    b'{"name": "tea", "number": 1, "number": 1}',
    b'{"name": "tea", "number": ' + b"9" * 5000 + b"}",
    b'{"name": "tea", "x": ' + b"[" * 60_000,
    b'{"name": "tea", "x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b'{"name": "tea", "x": ' + b'{"x":' * 12_000,
    b'{"name": "tea", "x": [' + b'["]"],' * 9000,
    b"[" + b"[]," * 20_000 + b"[]]",
    json.dumps({"name": "tea"} | {str(number): 0 for number in range(5000)}).encode(),
    '{"name": "tea", "x": ""}'.encode("utf-16"),
]


@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=lambda body: repr(body[:40]))
async def test_hostile_bodies_are_invalid_and_never_repeated(
    client: httpx2.AsyncClient, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/orders", content=body, headers=headers)
    assert is_problem(answer, 422, "invalid")
    assert json.loads(answer.text)  # no NaN, no surrogate in it
    assert len(answer.content) < 2000
    assert "tea" not in answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "text/xml", ""]
)
async def test_only_json_is_json(client: httpx2.AsyncClient, kind: str) -> None:
    body = b'{"name": "tea"}'
    answer = await client.post("/orders", content=body, headers={"Content-Type": kind})
    assert is_problem(answer, 422, "invalid")


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "1_000x", "9" * 5000, "1e3", "", "٣"])
async def test_garbage_as_a_limit_is_invalid(client: httpx2.AsyncClient, limit: str) -> None:
    answer = await client.get("/pages/1", params={"limit": limit})
    assert is_problem(answer, 422, "invalid")


@pytest.mark.parametrize(
    "ident", ["-1", str(2**63), str(10**22), "1_000", "x" * 5000, "%00", "..%2f", "NaN"]
)
async def test_garbage_as_an_id_is_invalid_or_nowhere(
    client: httpx2.AsyncClient, ident: str
) -> None:
    answer = await client.get(f"/things/{ident}")
    assert answer.status_code in {404, 422}
    assert is_problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_a_problem_too(
    client: httpx2.AsyncClient, *, announced: bool
) -> None:
    piece = b" " * (16 * 1024)
    content = piece * 5 if announced else in_pieces([piece] * 5)
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/orders", content=content, headers=headers)
    assert is_problem(answer, 413, "too_large")


async def test_a_route_may_take_more_but_not_everything(client: httpx2.AsyncClient) -> None:
    five, seven = b" " * (5 * 1024 * 1024), b" " * (7 * 1024 * 1024)
    assert (await client.post("/big", content=five)).json() == len(five)
    for content in (seven, in_pieces([five, five])):
        assert is_problem(await client.post("/big", content=content), 413, "too_large")


async def test_headers_have_a_limit(client: httpx2.AsyncClient) -> None:
    fits = await client.get("/frame", headers={"X-Much": "x" * (MAX_HEADER_BYTES - 1000)})
    assert fits.status_code == 200
    for size in (MAX_HEADER_BYTES, 100_000):
        answer = await client.get("/frame", headers={"X-Much": "x" * size})
        assert is_problem(answer, 431, "headers_too_large")


async def test_every_answer_carries_the_security_headers(client: httpx2.AsyncClient) -> None:
    refused = {"X-Much": "x" * 100_000}
    answers = [
        await client.get("/healthz"),
        await client.get("/raise/bug"),
        await client.get("/raise/missing"),
        await client.get("/nowhere"),
        await client.get("/healthz", headers=refused),
        await client.post("/orders", content=b" " * (5 * 1024 * 1024)),
    ]
    assert [answer.status_code for answer in answers] == [200, 500, 404, 404, 431, 413]
    for answer in answers:
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value, (answer.status_code, name)


async def test_a_route_may_choose_its_own_header(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/frame")
    assert answer.headers.get_list("x-frame-options") == ["SAMEORIGIN"]


async def test_a_request_keeps_the_id_its_caller_gave_it(client: httpx2.AsyncClient) -> None:
    given = str(uuid4())
    answer = await client.get("/raise/missing", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize(
    "given", ["17", "x" * 36, "{}", "\N{DEGREE SIGN}", "", "5B62AEBD-9760-476F-94C3-AE3A02036FB4"]
)
async def test_an_id_that_is_none_is_replaced(client: httpx2.AsyncClient, given: str) -> None:
    raw = [(b"X-Request-ID", given.encode("latin-1"))]
    answer = await client.get("/raise/missing", headers=raw)
    assert answer.headers["x-request-id"] != given
    assert UUID(answer.headers["x-request-id"])


async def test_the_gateway_believes_nobody_about_the_id(keys: Keys) -> None:
    settings, given = Settings(**common_settings("gateway", keys)), str(uuid4())
    async with client_of(create_app("gateway", settings, [router])) as client:
        answer = await client.get("/raise/missing", headers={"X-Request-ID": given})
        assert answer.headers["x-request-id"] != given


async def test_a_user_is_known_by_exactly_one_header(
    client: httpx2.AsyncClient, keys: Keys
) -> None:
    good = as_user(keys, ANN)["Authorization"]
    assert (await client.get("/me", headers={"Authorization": good})).json() == str(ANN)
    assert (await client.get("/me", headers={"Authorization": good.lower()})).status_code == 401
    wrong: list[list[tuple[str, str]]] = [
        [],
        [("Authorization", good), ("Authorization", good)],
        [("Authorization", "Bearer x"), ("Authorization", good)],
        [("Authorization", good.replace("Bearer", "Basic"))],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", good.removeprefix("Bearer "))],
        [("Authorization", f"{good} {good}")],
        [("Authorization", "Bearer " + "x" * 30_000)],
        [("Cookie", f"token={good}")],
    ]
    for headers in wrong:
        answer = await client.get("/me", headers=headers)
        assert is_problem(answer, 401, "unauthenticated"), headers


async def test_health_needs_nothing_and_metrics_count_by_route(
    client: httpx2.AsyncClient,
) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).status_code == 200
    for number in range(3):
        await client.get(f"/pages/{number}")
    for path in ("/x1", "/x2"):
        await client.get(path)
    figures = (await client.get("/metrics")).text
    count = 'prereview_http_request_seconds_count{method="GET",route="%s",status="%s"} %s'
    assert count % ("/pages/{number}", 200, "3.0") in figures
    assert count % ("none", 404, "2.0") in figures
    assert "/x1" not in figures


@pytest.mark.parametrize("kind", ["away", "unexpected-secret-token"])
async def test_what_stands_in_an_address_is_not_logged(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """It may be the token of a link that somebody was mailed."""
    logger = logging.getLogger()
    logger.addHandler(caplog.handler)  # the application put its own in its place
    with caplog.at_level("INFO"):
        answer = await client.get(f"/raise/{kind}")
    logger.removeHandler(caplog.handler)
    assert answer.status_code in {500, 503}
    assert "/raise/{name}" in caplog.text
    assert f"/raise/{kind}" not in caplog.text


async def test_who_leaves_in_the_middle_is_no_fault_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers: list[Message] = []

    async def read_on(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnect

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answers.append(message)

    with caplog.at_level("INFO"):
        await CatchAll(read_on)({"type": "http", "state": {"request_id": "1"}}, receive, send)
    assert answers == []
    assert "unexpected_error" not in caplog.text
