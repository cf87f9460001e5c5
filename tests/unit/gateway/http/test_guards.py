"""Requests that are refused before routing."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.gateway.main import GatewayLimits
from services.gateway.web import ROUTERS as SCREENS
from shared.web import server
from tests.support.apps import in_pieces
from tests.support.keys import Keys
from tests.unit.gateway.conftest import Browsers
from tests.unit.gateway.fake_services import Services
from tests.unit.shared.test_identity import BAD_TOKENS, Forger


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:9", "[::1]:8000", "prereview.example"]
)
async def test_our_own_names_are_served(browsers: Browsers, host: str) -> None:
    async with browsers(public_url="http://prereview.example") as http:
        assert (await http.get("/login", headers={"Host": host})).status_code == 200


async def test_a_name_with_other_letters_is_served_as_browsers_send_it(browsers: Browsers) -> None:
    async with browsers(public_url="https://Пример.рф/") as http:
        name = "xn--e1afmkfd.xn--p1ai"
        assert (await http.get("/login", headers={"Host": name})).status_code == 200
        headers = {"Host": name, "Origin": f"https://{name}"}
        answer = await http.post("/login", headers=headers, data={"email": "a@b.example"})
        assert answer.status_code == 303


async def test_behind_tls_a_page_without_it_is_another_site(browsers: Browsers) -> None:
    async with browsers(public_url="https://prereview.example") as http:
        for origin, status in (("http://prereview.example", 403), (str(http.base_url), 303)):
            headers = {"Origin": origin.rstrip("/")}
            answer = await http.post("/login", headers=headers, data={"email": "a@b.example"})
            assert answer.status_code == status


async def test_whatever_changes_something_is_refused_to_other_sites(
    program: httpx2.AsyncClient, services: Services
) -> None:
    paths = (await program.get("/api/openapi.json")).json()["paths"]
    unsafe = {
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods.keys() & {"post", "put", "patch", "delete"}
    }
    routes = (route for router in SCREENS for route in router.routes)
    unsafe |= {
        ("POST", route.path)
        for route in routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ())
    }
    assert len(unsafe) > 35
    services.calls.clear()
    for method, path in sorted(unsafe):
        address = re.sub("{[a-z_:]+}", str(UUID(int=1)), path)
        headers = {"Sec-Fetch-Site": "cross-site"}
        answer = await program.request(method, address, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request"), address
    assert not services.calls


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example#localhost",
        "[",
        "",
        "x@evil",
        "evil@localhost",
        "localhost:x",
        "localhost:8000:1",
        "localhost/",
        "[::1",
        "[::1]x",
        "[::1%25eth0]",
        "::1",
        "localhost,localhost",
        "%6cocalhost",
        "x" * 3000,
    ],
)
@pytest.mark.parametrize("path", ["/login", "/", "/api/v1/files", "/api/docs"])
async def test_other_names_are_not(browser: httpx2.AsyncClient, path: str, host: str) -> None:
    answer = await browser.get(path, headers={"Host": host, "Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "host_unknown")


async def test_two_names_are_none(browser: httpx2.AsyncClient) -> None:
    headers = [("Host", "localhost:8000"), ("Host", "evil"), ("Accept", "application/json")]
    assert (await browser.get("/login", headers=headers)).status_code == 400


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),  # no browser
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8000"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "http://localhost:8000"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "http://localhost:9999"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://localhost:8000"}, False),
        ({"Origin": "https://localhost.evil.example"}, False),
        ({"Origin": "http://localhost:8000.evil.example"}, False),
        ({"Origin": "http://127.0.0.1:8000"}, False),
        ({"Origin": "http://["}, False),
        ({"Origin": "http://localhost:8000]"}, False),
        ({"Origin": "http://[::1%25eth0]"}, False),
        ({"Origin": "http://localhost:99999999"}, False),
        ({"Origin": "http://localhost:8000/"}, False),
        ({"Origin": ""}, False),
        ({"Sec-Fetch-Site": ""}, False),
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout", "/language", "/api/v1/sessions"])
async def test_a_post_from_another_site_is_refused(
    browser: httpx2.AsyncClient,
    services: Services,
    path: str,
    headers: dict[str, str],
    allowed: bool,
) -> None:
    headers["Accept"] = "application/json"
    answer = await browser.post(path, headers=headers, data={"email": "a", "password": "b"})
    if allowed:
        assert answer.status_code in {303, 415}
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request")
        assert not services.calls


async def test_people_read_of_it_on_a_page(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post("/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "came from another website" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/internal/users",
        "/internal/files",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/%00",
        "/%ff",
        "/static/0/..%2f..%2fmain.py",
        "/static/0/main.py",
        "/files/-1",
        "/files/1_000",
        "/files/x/content",
        "/files/",
        f"/checks/{10**22}",
    ],
)
async def test_there_is_nothing_behind_it(person: httpx2.AsyncClient, path: str) -> None:
    answer = await person.get(path)
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        hidden = path.startswith(("/internal", "/openapi"))
        assert not hidden or (await person.request(method, path)).status_code == 404, method


async def test_metrics_open_with_their_token_only(browsers: Browsers) -> None:
    async with browsers(metrics_token="sesame") as http:
        wrong = {"Authorization": "Bearer wrong", "Host": "gateway:8000"}
        assert (await http.get("/metrics", headers=wrong)).status_code == 404
        right = wrong | {"Authorization": "Bearer sesame"}
        assert "prereview_http_request" in (await http.get("/metrics", headers=right)).text


@pytest.mark.parametrize("limits", [GatewayLimits(chunk_seconds=0.02)])
async def test_a_body_that_trickles_is_given_up(browser: httpx2.AsyncClient) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    json = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = await browser.post("/api/v1/sessions", content=trickle(), headers=json)
    assert answer.status_code == 408


@pytest.mark.parametrize("limits", [GatewayLimits(body_seconds=0.3)])
async def test_a_body_of_many_small_steps_is_given_up_too(browser: httpx2.AsyncClient) -> None:
    async def drip() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.05)

    json = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = await browser.post("/api/v1/sessions", content=drip(), headers=json)
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")


@pytest.mark.parametrize("forger", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
async def test_a_bad_token_is_refused_before_anybody_is_asked(
    browser: httpx2.AsyncClient, services: Services, keys: Keys, forger: Forger
) -> None:
    token = forger(keys).encode("latin-1", "replace")
    headers = [(b"Authorization", b"Bearer " + token), (b"Accept", b"application/json")]
    answer = await browser.get("/api/v1/files", headers=headers)
    assert answer.status_code == (431 if len(token) > 100_000 else 401)
    assert not services.calls


@asynccontextmanager
async def listening(app: FastAPI, idle: int) -> AsyncIterator[int]:
    """The port of a server that closes idle connections after `idle` seconds."""
    running = uvicorn.Server(server.configuration(app, "127.0.0.1", 0, idle))
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    try:
        yield running.servers[0].sockets[0].getsockname()[1]
    finally:
        running.should_exit = True
        await task


async def test_an_idle_connection_is_closed(usual: FastAPI) -> None:
    async with listening(usual, idle=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(3):  # seconds; uvicorn alone would wait for five
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" not in answer.lower()


async def test_pages_allow_no_foreign_code_and_are_kept_nowhere(
    browser: httpx2.AsyncClient,
) -> None:
    answer = await browser.get("/login")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "style=" not in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", ["/login", "/register", "/language", "/account/tokens"])
async def test_a_form_that_is_too_large_is_told_on_a_page(
    person: httpx2.AsyncClient, services: Services, path: str, *, announced: bool
) -> None:
    services.calls.clear()
    body = b"password=" + b"%41" * 35_000
    content = body if announced else in_pieces([body[:50_000], body[50_000:]])
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await person.post(path, content=content, headers=headers)
    assert (answer.status_code, "<h1" in answer.text) == (413, True)
    assert not services.called("auth (POST|PUT|PATCH|DELETE) .*")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"&" * 20_000, 400),
        (b"a=1&" * 19 + b"email=a", 303),
        (b"a=1&" * 20 + b"email=a", 400),
        (b"email=%ff&password=b", 422),
        (b"email=\xff&password=b", 422),
        (b"email=%u0041&password=%", 303),
    ],
)
async def test_a_form_is_counted_before_it_is_read(
    browser: httpx2.AsyncClient, services: Services, body: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser.post("/login", content=body, headers=headers)
    assert answer.status_code == status
    assert bool(services.called("auth POST /internal/sessions")) == (status == 303)


async def test_a_foreign_page_is_refused_before_it_has_sent_anything(
    browser: httpx2.AsyncClient,
) -> None:
    async def unread() -> AsyncIterator[bytes]:
        yield pytest.fail("read")

    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        for path in ("/login", "/api/v1/sessions", "/nowhere"):
            answer = await browser.post(path, content=unread(), headers=headers)
            assert answer.status_code in {400, 403}
