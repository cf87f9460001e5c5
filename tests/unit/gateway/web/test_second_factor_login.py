"""Logins that wait for a code: on pages, and of programs."""

import json
from typing import Any

import httpx2
import pytest

from tests.unit.gateway.fake_services import NOW, Services, answer, factor, link, refusal

LOGIN = {"email": "ann@example.org", "password": "secret"}
ASKED = {"challenge": "opaque-challenge", "expires_in": 300}
FINISH = "auth POST /internal/sessions/second-factor"


def sent(services: Services) -> Any:
    return json.loads(services.called(FINISH)[-1].content)


def cookie(response: httpx2.Response, name: str) -> str:
    found = [one for one in response.headers.get_list("set-cookie") if one.startswith(f"{name}=")]
    return found[-1] if found else ""


@pytest.fixture(autouse=True)
def asked(services: Services) -> None:
    services.on("auth POST /internal/sessions", answer(201, ASKED))
    services.on(FINISH, answer(201, services.tokens()))


async def test_the_password_leads_to_the_page_of_the_code_and_the_code_to_the_wish(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    led = await browser.post("/login", data=LOGIN | {"next": "/checks?page=2"})
    assert led.status_code == 303
    assert led.headers["location"] == "/login/code?next=%2Fchecks%3Fpage%3D2"
    kept = cookie(led, "challenge")
    assert kept == "challenge=opaque-challenge; Path=/; Max-Age=300; HttpOnly; SameSite=Lax"
    assert not cookie(led, "session")
    page = await browser.get(led.headers["location"])
    assert 'autocomplete="one-time-code"' in page.text
    assert 'name="next" value="/checks?page=2"' in page.text
    assert "opaque-challenge" not in page.text
    done = await browser.post("/login/code", data={"code": "123 456", "next": "/checks?page=2"})
    assert (done.status_code, done.headers["location"]) == (303, "/checks?page=2")
    assert (sent(services)["challenge"], sent(services)["code"]) == ("opaque-challenge", "123 456")
    assert len(sent(services)["client"]["device"]) == 32
    assert "Max-Age=0" in cookie(done, "challenge")
    assert (await browser.get("/")).status_code == 200


@pytest.mark.parametrize("evil", ["//evil", "/\\evil", "https:evil", "javascript:alert(1)"])
async def test_nobody_is_led_elsewhere(browser: httpx2.AsyncClient, evil: str) -> None:
    led = await browser.post("/login", data=LOGIN | {"next": evil})
    assert led.headers["location"] == "/login/code?next=%2F"
    page = await browser.get("/login/code", params={"next": evil})
    assert 'name="next" value="/"' in page.text
    done = await browser.post("/login/code", data={"code": "123456", "next": evil})
    assert done.headers["location"] == "/"


async def test_a_wrong_code_is_asked_for_again(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    await browser.post("/login", data=LOGIN)
    services.on(FINISH, refusal(422, "wrong_second_factor_code"))
    page = await browser.post("/login/code", data={"code": "000000", "next": "/checks"})
    assert page.status_code == 422
    assert "This code is wrong" in page.text
    assert 'name="next" value="/checks"' in page.text
    assert '<details class="without-app">' in page.text
    assert "000000" not in page.text
    recovering = await browser.post("/login/code", data={"recovery_code": "abcd-efgh"})
    assert sent(services)["code"] == "abcd-efgh"
    assert '<details class="without-app" open>' in recovering.text


async def test_too_many_codes_say_when_to_come_again(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    await browser.post("/login", data=LOGIN)
    limited = answer(
        429, {"code": "too_many_attempts", "params": {"minutes": 3}}, retry_after="170"
    )
    services.on(FINISH, limited)
    page = await browser.post("/login/code", data={"code": "000000"})
    assert (page.status_code, page.headers["retry-after"]) == (429, "170")
    assert "Please try again in 3 min." in page.text


async def test_a_login_that_took_too_long_begins_anew(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    await browser.post("/login", data=LOGIN)
    services.on(FINISH, refusal(401, "challenge_invalid"))
    page = await browser.post("/login/code", data={"code": "123456", "next": "/checks"})
    assert page.status_code == 401
    assert "Please log in again." in page.text
    assert 'action="/login"' in page.text
    assert 'name="next" value="/checks"' in page.text


@pytest.mark.parametrize("value", ["", "x" * 201])
async def test_without_a_login_there_is_nothing_to_ask(
    browser: httpx2.AsyncClient, services: Services, value: str
) -> None:
    browser.cookies.set("challenge", value)
    page = await browser.post("/login/code", data={"code": "123456"})
    assert page.status_code == 401
    assert services.called(FINISH) == []


async def test_the_page_of_the_code_is_only_for_who_waits(browser: httpx2.AsyncClient) -> None:
    led = await browser.get("/login/code", params={"next": "/checks"})
    assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2Fchecks")


async def test_who_is_logged_in_as_somebody_else_is_asked_all_the_same(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/sessions", answer(201, services.tokens()))
    await browser.post("/login", data=LOGIN)
    services.on("auth POST /internal/sessions", answer(201, ASKED))
    led = await browser.post("/login", data=LOGIN)
    page = await browser.get(led.headers["location"])
    assert 'autocomplete="one-time-code"' in page.text
    assert services.called("auth DELETE /internal/sessions/current") == []
    await browser.post("/login/code", data={"code": "123456"})
    assert len(services.called("auth DELETE /internal/sessions/current")) == 1


async def test_a_mailed_link_to_log_in_leads_to_the_page_of_the_code(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/sessions/by-link", answer(201, ASKED))
    led = await browser.post("/log-in/abc", data={"a": ""})
    assert (led.status_code, led.headers["location"]) == (303, "/login/code")
    assert "opaque-challenge" in cookie(led, "challenge")


async def test_a_confirmed_address_leads_to_the_page_of_the_code(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/links", answer(200, link(services, kind="confirm_new_email")))
    done = {"kind": "confirm_new_email", "session": ASKED}
    services.on("auth POST /internal/confirmations", answer(200, done))
    led = await browser.post("/confirm/abc", data={"password": "secret"})
    where = "/login/code?next=%2Faccount%3Fnotice%3Dnew_address"
    assert (led.status_code, led.headers["location"]) == (303, where)
    assert not cookie(led, "session")


async def test_a_program_is_told_what_to_send(
    program: httpx2.AsyncClient, services: Services
) -> None:
    refused = await program.post("/api/v1/sessions", json=LOGIN)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.json()["code"] == "second_factor_required"
    assert refused.json()["params"] == ASKED
    assert "set-cookie" not in refused.headers
    body = {"challenge": "opaque-challenge", "code": "123456"}
    begun = await program.post("/api/v1/sessions/second-factor", json=body)
    assert begun.status_code == 201
    assert begun.json()["refresh_token"] == "opaque-session"
    services.on(FINISH, refusal(422, "wrong_second_factor_code"))
    wrong = await program.post("/api/v1/sessions/second-factor", json=body)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_second_factor_code")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"challenge": "x"},
        {"challenge": "", "code": "123456"},
        {"challenge": "x" * 201, "code": "123456"},
        {"challenge": "x", "code": 123456},
        {"challenge": "x", "code": "1" * 101},
        {"challenge": "x", "code": "123456", "kind": "web"},
    ],
)
async def test_anything_else_is_refused_unasked(
    program: httpx2.AsyncClient, services: Services, body: object
) -> None:
    refused = await program.post("/api/v1/sessions/second-factor", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    assert services.called(FINISH) == []


async def test_programs_set_it_up_and_switch_it_off(
    program: httpx2.AsyncClient, services: Services
) -> None:
    path, auth = "/api/v1/me/second-factor", "/internal/me/second-factor"
    services.on(f"auth GET {auth}", answer(200, factor(enabled_at=NOW, recovery_codes_left=3)))
    begun = {"secret": "A" * 32, "uri": "otpauth://totp/x"}
    services.on(f"auth POST {auth}", answer(201, begun))
    services.on(f"auth PUT {auth}", answer(200, {"recovery_codes": ["a"]}))
    services.on(f"auth DELETE {auth}", answer(204))
    services.on(f"auth POST {auth}/recovery-codes", answer(200, {"recovery_codes": ["b"]}))
    proof = {"password": "secret", "code": "123456"}
    assert (await program.get(path)).json()["recovery_codes_left"] == 3
    assert (await program.post(path, json={"password": "secret"})).json() == begun
    made = await program.put(path, json={"code": "123456"})
    assert made.json() == {"recovery_codes": ["a"]}
    renewed = await program.post(f"{path}/recovery-codes", json=proof)
    assert renewed.json() == {"recovery_codes": ["b"]}
    assert (await program.request("DELETE", path, json=proof)).status_code == 204
    assert json.loads(services.called(f"auth DELETE {auth}")[-1].content) == proof
