"""The page of the link to log in."""

import json

import httpx2
import pytest

from tests.unit.gateway.fake_services import Services, answer, link, refusal, unreachable

LOOK = "auth POST /internal/links"
LOG_IN = "auth POST /internal/sessions/by-link"


@pytest.fixture(autouse=True)
def _auth(services: Services) -> None:
    services.on(LOOK, answer(200, link(services, kind="log_in")))
    services.on(LOG_IN, answer(201, services.tokens()))


async def test_opening_the_link_only_shows_a_button(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.calls.clear()
    page = await browser.get("/log-in/secret")
    assert page.status_code == 200
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert page.text.count('method="post">') == 1
    assert "set-cookie" not in page.headers
    assert [call.url.path for call in services.calls] == ["/internal/links"]


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "This link has been used or is too old."), ("ru", "Эта ссылка уже использована")],
)
async def test_a_link_that_no_longer_works_says_so_when_it_is_opened(
    browser: httpx2.AsyncClient, services: Services, language: str, told: str
) -> None:
    services.on(LOOK, refusal(422, "link_invalid"))
    page = await browser.get("/log-in/secret", headers={"Accept-Language": language})
    assert page.status_code == 422
    assert page.headers["referrer-policy"] == "no-referrer"
    assert told in page.text
    assert not any(asks in page.text for asks in ("Ask for a new one", "Запросите новую"))
    assert 'method="post">' not in page.text
    assert 'href="/login"' in page.text
    assert 'href="/forgotten-password"' in page.text


async def test_the_button_logs_this_browser_in(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    done = await browser.post("/log-in/secret")
    assert (done.status_code, done.headers["location"]) == (303, "/")
    [call] = services.called(LOG_IN)
    sent = json.loads(call.content)
    assert sent["token"] == "secret"
    assert sent["client"]["device"] == browser.cookies["device"]
    assert browser.cookies["session"] == "opaque-session"
    assert (await browser.get("/")).status_code == 200


async def test_a_session_of_before_ends_in_this_browser(
    person: httpx2.AsyncClient, services: Services
) -> None:
    assert (await person.post("/log-in/secret")).status_code == 303
    assert len(services.called("auth DELETE /internal/sessions/current")) == 1


async def test_a_used_link_logs_nobody_in_or_out(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on(LOG_IN, refusal(422, "link_invalid"))
    assert (await person.post("/log-in/secret")).status_code == 422
    assert not services.called("auth DELETE .*")
    assert (await person.get("/")).status_code == 200


async def test_while_auth_is_away_the_button_stays(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST .*", unreachable)
    for asked in (browser.get("/log-in/secret"), browser.post("/log-in/secret")):
        page = await asked
        assert page.status_code == 503
        assert 'method="post">' in page.text


@pytest.mark.parametrize("kind", ["confirm_email", "confirm_new_email", "reset_password"])
async def test_a_link_of_another_kind_has_no_page_here(
    browser: httpx2.AsyncClient, services: Services, kind: str
) -> None:
    services.on(LOOK, answer(200, link(services, kind=kind)))
    assert (await browser.get("/log-in/secret")).status_code == 404


async def test_another_site_can_log_nobody_in(browser: httpx2.AsyncClient) -> None:
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await browser.post("/log-in/secret", headers=foreign)).status_code == 403
