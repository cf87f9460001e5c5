"""The page of a confirmation link, for the account's browser and for others."""

import json
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.unit.gateway.fake_services import Services, answer, link, refusal

PATH = "/confirm/abc"
PASSWORD_FIELD = 'type="password"'
PRESSED = {"password": ""}  # a button alone
NEW_PASSWORD = 'href="/reset-password/abc"'


def begun(services: Services, kind: str = "confirm_email") -> Any:
    return answer(200, {"kind": kind, "session": services.tokens()})


def sent(services: Services, call: str) -> Any:
    return json.loads(services.called(call)[-1].content)


async def test_who_is_logged_in_to_the_account_needs_the_button_only(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/links", answer(200, link(services)))
    services.on("auth POST /internal/me/confirmations", answer(200, {"kind": "confirm_email"}))
    assert PASSWORD_FIELD not in (await person.get(PATH)).text
    done = await person.post(PATH, data=PRESSED)
    assert (done.status_code, done.headers["location"]) == (303, "/?notice=confirmed")
    assert sent(services, "auth POST /internal/me/confirmations") == {"token": "abc"}


async def test_the_browser_that_registered_is_let_in_and_led_to_the_files(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/users", answer(202, {}))
    await browser.post("/register", data={"email": "ann@example.org", "password": "correct horse"})
    cookie = sent(services, "auth POST /internal/users")["cookie"]
    services.on("auth POST /internal/links", answer(200, link(services, registered_here=True)))
    services.on("auth POST /internal/confirmations", begun(services))
    assert PASSWORD_FIELD not in (await browser.get(PATH)).text
    assert sent(services, "auth POST /internal/links") == {"token": "abc", "cookie": cookie}
    done = await browser.post(PATH, data=PRESSED)
    assert done.headers["location"] == "/?notice=confirmed"
    asked = sent(services, "auth POST /internal/confirmations")
    assert (asked["cookie"], asked["password"], asked["log_in"]) == (cookie, None, True)
    assert (await browser.get("/")).status_code == 200
    assert len(cookie) >= 32


async def test_any_other_browser_is_asked_for_the_password_or_a_new_one(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/links", answer(200, link(services)))
    page = (await browser.get(PATH)).text
    assert PASSWORD_FIELD in page
    assert NEW_PASSWORD in page
    services.on("auth POST /internal/confirmations", refusal(422, "wrong_password"))
    wrong = await browser.post(PATH, data={"password": "a guess"})
    assert wrong.status_code == 422
    assert PASSWORD_FIELD in wrong.text
    assert "a guess" not in wrong.text
    services.on("auth POST /internal/confirmations", begun(services))
    done = await browser.post(PATH, data={"password": "correct horse"})
    assert done.headers["location"] == "/?notice=confirmed"
    assert sent(services, "auth POST /internal/confirmations")["password"] == "correct horse"
    assert (await browser.get("/")).status_code == 200


async def test_who_is_logged_in_to_another_account_changes_over_to_this_one(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/links", answer(200, link(services, user_id=uuid4())))
    services.on("auth POST /internal/confirmations", begun(services))
    assert PASSWORD_FIELD in (await person.get(PATH)).text
    services.calls.clear()
    await person.post(PATH, data={"password": "correct horse"})
    assert not services.called("auth POST /internal/me/confirmations")
    assert services.called("auth DELETE /internal/sessions/current")


async def test_a_new_address_is_never_confirmed_by_a_new_password(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    """A mistyped new address would give the account to its owner."""
    found = link(services, kind="confirm_new_email")
    services.on("auth POST /internal/links", answer(200, found))
    page = (await browser.get(PATH)).text
    assert PASSWORD_FIELD in page
    assert NEW_PASSWORD not in page
    assert (await browser.get("/reset-password/abc")).status_code == 422


@pytest.mark.parametrize("path", [PATH, "/reset-password/abc"])
@pytest.mark.parametrize("language", ["en", "ru"])
async def test_a_dead_link_says_so_when_it_is_opened(
    browser: httpx2.AsyncClient, services: Services, path: str, language: str
) -> None:
    services.on("auth POST /internal/links", refusal(422, "link_invalid"))
    page = await browser.get(path, headers={"Accept-Language": language})
    assert page.status_code == 422
    told = {"en": "has been used or is too old", "ru": "уже использована или устарела"}
    assert told[language] in page.text
    assert PASSWORD_FIELD not in page.text


@pytest.mark.parametrize(
    ("path", "kind"), [(PATH, "reset_password"), ("/reset-password/abc", "confirm_new_email")]
)
async def test_a_link_of_another_kind_is_none(
    browser: httpx2.AsyncClient, services: Services, path: str, kind: str
) -> None:
    services.on("auth POST /internal/links", answer(200, link(services, kind=kind)))
    assert (await browser.get(path)).status_code == 422
    assert (await browser.post(path, data={"password": "x"})).status_code in {422, 503}


async def test_a_program_gives_the_password_or_the_token_of_a_session(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/confirmations", begun(services))
    del program.headers["Authorization"]
    body = {"token": "abc", "password": "correct horse"}
    done = await program.post("/api/v1/confirmations", json=body)
    assert (done.status_code, done.json()) == (200, {"kind": "confirm_email"})
    asked = sent(services, "auth POST /internal/confirmations")
    assert (asked["password"], asked["log_in"]) == ("correct horse", False)
    services.on("auth POST /internal/confirmations", refusal(403, "password_or_login_required"))
    alone = await program.post("/api/v1/confirmations", json={"token": "abc"})
    assert (alone.status_code, alone.json()["code"]) == (403, "password_or_login_required")


async def test_a_cookie_that_holds_no_address_fills_nothing_in(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    for value in ("x", "4pyT4pyT=", "%00", "////"):
        page = await browser.get("/login", headers={"Cookie": f"email={value}"})
        assert page.status_code == 200
