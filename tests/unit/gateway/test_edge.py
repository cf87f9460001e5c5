"""What is refused before any screen sees it."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from services.gateway import edge
from tests.unit.gateway.conftest import Browsers
from tests.unit.gateway.services import Services


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:9", "[::1]:8000", "prereview.example"]
)
async def test_our_own_names_are_served(browsers: Browsers, host: str) -> None:
    async with browsers(public_url="http://prereview.example") as http:
        assert (await http.get("/login", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example#localhost", "[", "", "x@evil"]
)
async def test_other_names_are_not(browser: httpx2.AsyncClient, host: str) -> None:
    answer = await browser.get("/login", headers={"Host": host, "Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "host_unknown")


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
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
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


async def test_metrics_open_with_their_token_only(browsers: Browsers) -> None:
    async with browsers(metrics_token="sesame") as http:
        wrong = {"Authorization": "Bearer wrong", "Host": "gateway:8000"}
        assert (await http.get("/metrics", headers=wrong)).status_code == 404
        right = wrong | {"Authorization": "Bearer sesame"}
        assert "prereview_http_request" in (await http.get("/metrics", headers=right)).text


async def test_a_body_that_trickles_is_given_up(
    browser: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "CHUNK_SECONDS", 0.02)

    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    json = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = await browser.post("/api/v1/sessions", content=trickle(), headers=json)
    assert answer.status_code == 408


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
