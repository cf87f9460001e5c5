"""Calls and answers between services are as their contracts say."""

from typing import Any

import httpx2
import pytest

from tests.unit.gateway.fake_services import Services, answer, file, saved

LOGIN = {"email": "ann@example.org", "password": "secret"}
REFRESH = {"json": {"refresh_token": "abc"}}
TOKEN = {"json": {"name": "build", "scopes": ["files:read"]}}


async def test_a_question_with_an_unreadable_answer_can_be_asked_again(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("reports GET /internal/checks", answer(200, {"checks": "nonsense"}))
    response = await program.get("/api/v1/checks")
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert "nonsense" not in response.text
    assert len(services.violations) == 1
    services.violations.clear()


@pytest.mark.parametrize(
    "page",
    [
        {"files": [{**file(), "surprise": 1}]},
        {"files": [{name: value for name, value in file().items() if name != "sha256"}]},
        {"files": [file(mark="renamed")]},
    ],
    ids=["an unknown field", "a missing one", "a value that can't be"],
)
async def test_a_fake_out_of_contract_is_found(
    program: httpx2.AsyncClient, services: Services, page: dict[str, object]
) -> None:
    services.on("reports GET /internal/files", answer(200, page))
    await program.get("/api/v1/files")
    assert services.violations
    services.violations.clear()


async def test_what_auth_refuses_is_refused_before_it_is_asked(
    program: httpx2.AsyncClient, services: Services
) -> None:
    body = {"name": "\x07", "scopes": ["files:read"]}
    response = await program.post("/api/v1/tokens", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert not services.called("auth POST /internal/tokens")


FILE = f"/api/v1/files/{file()['id']}"
UPLOAD = {"file": ("main.py", b"x = 1\n")}


@pytest.mark.parametrize("body", [b"", b"oops", b"null", b"[]", b'{"name": "x"}'])
@pytest.mark.parametrize(
    ("route", "method", "path", "sent"),
    [
        ("auth POST /internal/sessions", "POST", "/api/v1/sessions", {"json": LOGIN}),
        ("auth POST /internal/sessions/refresh", "POST", "/api/v1/sessions/refresh", REFRESH),
        ("auth POST /internal/tokens", "POST", "/api/v1/tokens", TOKEN),
        ("files POST /internal/files", "POST", "/api/v1/files", {"files": UPLOAD}),
        ("files PUT .*", "PUT", f"{FILE}/content", {"files": UPLOAD}),
    ],
)
async def test_a_change_with_an_unreadable_answer_may_have_been_done(
    program: httpx2.AsyncClient,
    services: Services,
    route: str,
    method: str,
    path: str,
    sent: dict[str, Any],
    body: bytes,
) -> None:
    services.on(route, answer(200, body))
    response = await program.request(method, path, **sent)
    assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")
    services.violations.clear()


async def test_a_page_stands_without_an_unreadable_answer(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files PUT .*", answer(200, saved()))
    services.on("reports GET /internal/files/.*", answer(200, b"oops"))
    response = await program.put(f"{FILE}/content", files=UPLOAD)
    assert (response.status_code, response.json()["check"]) == (200, "waiting")
    services.violations.clear()
