"""Calls and answers between services are as their contracts say."""

import httpx2
import pytest

from tests.unit.gateway.services import Services, answer, file


async def test_an_answer_out_of_contract_is_as_none(
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
