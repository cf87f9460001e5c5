"""Errors of services, as problems for programs and pages for browsers."""

import httpx2
import pytest

from shared.errors import Unavailable
from tests.unit.gateway.fake_services import Services, answer, refusal, unreachable


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (unreachable, 503),
        (refusal(503, "database_unavailable"), 503),
        (refusal(500, "internal"), 503),
        (answer(502, b"<html>"), 503),
        (answer(404, b"<html>"), 503),
        (answer(418, {"code": 7}), 418),
        (refusal(404, "not_found"), 404),
        (answer(404, {"code": "not_found", "detail": "Not Found."}), 503),  # another service's
    ],
)
async def test_trouble_of_a_service_is_a_503_that_says_when(
    program: httpx2.AsyncClient, services: Services, reply: object, status: int
) -> None:
    services.on("reports GET /internal/files", reply)  # type: ignore[arg-type]
    response = await program.get("/api/v1/files")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["request_id"] == response.headers["x-request-id"]
    if reply is unreachable:
        assert int(response.headers["retry-after"]) > 0


async def test_a_hanging_service_is_away(program: httpx2.AsyncClient, services: Services) -> None:
    def hang(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("slow", request=request)

    services.on("reports GET /internal/files", hang)
    assert (await program.get("/api/v1/files")).json()["code"] == Unavailable.code


async def test_the_request_id_goes_along(program: httpx2.AsyncClient, services: Services) -> None:
    response = await program.get("/api/v1/files", headers={"X-Request-ID": "made-up"})
    (call,) = services.called("reports GET /internal/files")
    assert call.headers["x-request-id"] == response.headers["x-request-id"] != "made-up"
    assert call.headers["authorization"] == program.headers["authorization"]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "There is nothing here"), ("ru", "Такой страницы нет")]
)
async def test_people_get_a_page_in_their_language(
    person: httpx2.AsyncClient, language: str, words: str
) -> None:
    response = await person.get("/nothing", headers={"Accept-Language": language})
    assert response.status_code == 404
    assert words in response.text
    assert response.headers["x-request-id"] in response.text
    assert f'<html lang="{language}">' in response.text
    assert "content-language" not in response.headers  # that of the problem it stands for


async def test_programs_get_a_problem(browser: httpx2.AsyncClient) -> None:
    for path, accept in (("/nothing", "*/*"), ("/api/v1/nothing", "text/html")):
        response = await browser.get(path, headers={"Accept": accept})
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_a_page_says_which_part_is_away(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("reports .*", unreachable)
    response = await person.get("/checks")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "not available at the moment" in response.text


async def test_our_own_faults_are_told_without_details(
    person: httpx2.AsyncClient, services: Services
) -> None:
    def connection_broken(_: httpx2.Request) -> httpx2.Response:
        raise ValueError("nonsense")

    services.on("reports GET /internal/checks", connection_broken)
    response = await person.get("/checks")
    assert response.status_code == 500
    assert "on our side" in response.text
    assert "nonsense" not in response.text
    assert "Traceback" not in response.text


async def test_a_program_is_told_in_the_language_it_asks_for(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files POST .*", refusal(422, "storage_full", limit=200 * 1024 * 1024))
    upload = {"file": ("a.py", b"x")}
    russian = {"Accept-Language": "ru-RU, en;q=0.5"}
    for headers, detail in ((russian, "200 МБ"), ({}, "200 MB")):
        response = await program.post("/api/v1/files", files=upload, headers=headers)
        assert response.status_code == 422
        assert detail in response.json()["detail"], headers
    refused = await program.get("/api/v1/files?limit=x", headers=russian)
    assert refused.json()["detail"].endswith("(limit)")
    assert (refused.headers["content-language"], refused.json()["code"]) == ("ru", "invalid")
    assert int(refused.headers["content-length"]) == len(refused.content)
    wrong = await program.put("/api/v1/limits", headers=russian)
    assert (wrong.status_code, wrong.json()["detail"]) == (405, "Здесь этого сделать нельзя.")
