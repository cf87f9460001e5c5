"""The pages of the account."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from tests.unit.gateway.conftest import Browsers
from tests.unit.gateway.fake_services import (
    Services,
    account,
    answer,
    api_token,
    link,
    refusal,
    security_entry,
    session,
    unreachable,
)

RUSSIAN = {"Accept-Language": "ru"}
PRESSED = {"password": ""}  # a button alone
SECRET = "do-not-show-me-anywhere"
PAGES = ("", "/sessions", "/tokens", "/security", "/data", "/erase")


@pytest.fixture(autouse=True)
def _auth(services: Services) -> None:
    services.on("auth GET /internal/sessions", answer(200, {"sessions": [session(current=True)]}))
    services.on("auth GET /internal/tokens", answer(200, {"tokens": [api_token()]}))
    log = {"entries": [security_entry()], "next_cursor": None}
    services.on("auth GET /internal/me/security-log", answer(200, log))


def words(response: httpx2.Response) -> str:
    return " ".join(response.text.split())


def sent(services: Services, call: str) -> Any:
    """The body of the last such call."""
    return json.loads(services.called(call)[-1].content)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "ru"])
async def test_each_page_is_there_in_both_languages(
    person: httpx2.AsyncClient, path: str, language: str
) -> None:
    response = await person.get(f"/account{path}", headers={"Accept-Language": language})
    assert response.status_code == 200
    assert f'<html lang="{language}">' in response.text
    assert ("Your data" if language == "en" else "Ваши данные") in response.text


@pytest.mark.parametrize("path", [*PAGES, "/data/export.zip"])
async def test_each_page_is_for_who_is_logged_in(browser: httpx2.AsyncClient, path: str) -> None:
    response = await browser.get(f"/account{path}")
    assert response.headers["location"] == f"/login?next=/account{path}"


async def test_preferences_are_kept_in_the_account_and_shown_at_once(
    person: httpx2.AsyncClient, services: Services
) -> None:
    changed = account(language="ru", time_zone="Asia/Kathmandu", theme="light")
    services.on("auth PATCH /internal/me", answer(200, changed))
    wishes = {"language": "ru", "time_zone": "Asia/Kathmandu", "theme": "light"}
    response = await person.post("/account/preferences", data=wishes)
    assert response.headers["location"] == "/account?notice=saved"
    assert sent(services, "auth PATCH .*") == {**wishes, "mail_on_new_device": False}
    services.on("auth GET /internal/me", answer(200, changed))
    page = words(await person.get("/account?notice=saved"))
    assert '<html lang="ru" data-bs-theme="light" data-zone="Asia/Kathmandu">' in page
    assert "Сохранено." in page
    assert '<option value="Asia/Kathmandu" selected>Катманду, UTC+5:45</option>' in page
    log = words(await person.get("/account/security"))
    assert '<time datetime="2026-11-22T12:00:00Z">22 нояб. 2026, 17:45 UTC+5:45</time>' in log


async def test_a_zone_that_is_not_offered_stays_chosen(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth GET /internal/me", answer(200, account(time_zone="Etc/GMT+3")))
    assert '<option value="Etc/GMT+3" selected>' in (await person.get("/account")).text


@pytest.mark.parametrize(
    ("form", "data", "call", "told"),
    [
        ("email", {"email": "new@example.org", "password": SECRET}, "POST /internal/me/email",
         {"email": "new@example.org", "password": SECRET}),
        ("password", {"current": SECRET, "new": SECRET + "2"}, "POST /internal/me/password",
         {"current_password": SECRET, "new_password": SECRET + "2", "revoke_tokens": False}),
        ("password", {"current": SECRET, "new": SECRET + "2", "revoke_tokens": "yes"},
         "POST /internal/me/password",
         {"current_password": SECRET, "new_password": SECRET + "2", "revoke_tokens": True}),
    ],
)  # fmt: skip
async def test_address_and_password_are_changed(
    person: httpx2.AsyncClient,
    services: Services,
    form: str,
    data: dict[str, str],
    call: str,
    told: dict[str, str],
) -> None:
    services.on(f"auth {call}", answer(202, {"mailed": True}))
    response = await person.post(f"/account/{form}", data=data)
    assert response.status_code == 303
    assert sent(services, f"auth {call}") == told
    assert 'role="status"' in (await person.get(response.headers["location"])).text


async def test_passwords_come_in_no_other_kind_of_form(
    person: httpx2.AsyncClient, services: Services
) -> None:
    """A multipart one may name a charset of its own, in which a password would be read."""
    services.calls.clear()
    for kind in ("multipart/form-data; charset=unicode_escape; boundary=x", "text/plain", ""):
        body = b'--x\r\nContent-Disposition: form-data; name="new"\r\n\r\n\\ud800\r\n--x--\r\n'
        for path in ("/login", "/register", "/account/password"):
            response = await person.post(path, content=body, headers={"Content-Type": kind})
            assert response.status_code == 415
    assert not services.called("auth (POST|PUT) .*")


async def test_no_mail_is_promised_for_ones_own_address(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/me/email", answer(202, {"mailed": False}))
    response = await person.post("/account/email", data={"email": "a@b.de", "password": SECRET})
    page = (await person.get(response.headers["location"])).text
    assert "This is your address already, and it stays so." in page


async def test_a_refused_form_says_why_and_keeps_all_but_the_password(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/me/email", refusal(422, "email_invalid"))
    response = await person.post(
        "/account/email", data={"email": "new@nowhere", "password": SECRET}
    )
    assert response.status_code == 422
    assert "This is not a valid e-mail address." in response.text
    assert 'value="new@nowhere"' in response.text
    assert "<details open>" in response.text
    assert f'<input type="hidden" name="next" value="{response.request.url.path}">' in response.text
    assert SECRET not in response.text


WEAK = refusal(
    422,
    "password_too_weak",
    warning="top_ten",
    suggestion1="add_words",
    suggestion2="unheard-of",
)


@pytest.mark.parametrize(
    ("path", "call", "field"),
    [
        ("/register", "POST /internal/users", "password"),
        ("/account/password", "POST /internal/me/password", "new"),
        ("/reset-password/t", "PUT /internal/password-resets", "password"),
    ],
)
@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ("This is one of the ten commonest passwords.", "Add another word or two")),
        ("ru", ("Это один из десяти самых частых паролей.", "Добавьте одно-два слова")),
    ],
)
async def test_a_weak_password_is_explained_under_its_field(
    person: httpx2.AsyncClient,
    services: Services,
    path: str,
    call: str,
    field: str,
    language: str,
    told: tuple[str, ...],
) -> None:
    services.on(f"auth {call}", WEAK)
    response = await person.post(
        path, data={field: SECRET, "current": SECRET}, headers={"Accept-Language": language}
    )
    assert response.status_code == 422
    assert all(sentence in response.text for sentence in told)
    assert "unheard-of" not in response.text
    assert SECRET not in response.text


async def test_an_unconfirmed_address_is_told_everywhere_until_it_is_confirmed(
    person: httpx2.AsyncClient, services: Services
) -> None:
    assert "Results are not mailed yet" not in (await person.get("/checks")).text
    services.on("auth GET /internal/me", answer(200, account(email_confirmed=False)))
    services.on("auth POST /internal/me/confirmations", answer(200, {"kind": "confirm_email"}))
    services.on("auth POST /internal/links", answer(200, link(services)))
    await person.post("/confirm/token", data=PRESSED)  # asked anew about everybody
    assert "Results are not mailed yet" in (await person.get("/checks")).text
    assert (await person.get("/account")).text.count("Results are not mailed yet") == 1
    services.on("auth GET /internal/me", answer(200, account()))
    assert "Results are not mailed yet" not in (await person.get("/confirm/token")).text
    confirmed = await person.post("/confirm/token", data=PRESSED)
    assert confirmed.headers["location"] == "/?notice=confirmed"
    assert "Results are not mailed yet" not in (await person.get("/checks")).text


async def test_the_mail_that_confirms_is_sent_again(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/confirmations/again", answer(202, {}))
    again = await person.post("/account/confirmation")
    assert again.headers["location"] == "/account?notice=confirmation_sent"
    soon = answer(429, {"code": "too_many_attempts", "params": {}}, Retry_After="42")
    services.on("auth POST /internal/confirmations/again", soon)
    refused = await person.post("/account/confirmation")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "42")


@pytest.mark.parametrize(
    ("path", "kind"), [("/confirm/abc", "confirm_email"), ("/reset-password/abc", "reset_password")]
)
async def test_a_mailed_link_is_used_up_by_its_button_only_and_kept_secret(
    browser: httpx2.AsyncClient, services: Services, path: str, kind: str
) -> None:
    services.on("auth POST /internal/links", answer(200, link(services, kind=kind)))
    services.calls.clear()
    page = await browser.get(path)
    assert page.status_code == 200
    assert page.headers["referrer-policy"] == "no-referrer"
    assert {call.url.path for call in services.calls} == {"/internal/links"}
    services.on("auth (POST|PUT) .*", refusal(422, "link_invalid"))
    used = await browser.post(path, data={"password": SECRET})
    assert used.status_code == 422
    assert used.headers["referrer-policy"] == "no-referrer"
    services.on("auth (POST|PUT) .*", unreachable)
    later = await browser.post(path, data={"password": SECRET})
    assert later.status_code == 503
    assert '<form method="post"' in later.text or 'method="post">' in later.text


async def test_a_page_without_a_referrer_may_send_its_own_form(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/links", answer(200, link(services)))
    services.on("auth POST /internal/confirmations", answer(200, {"kind": "confirm_new_email"}))
    own = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    response = await browser.post("/confirm/abc", headers=own, data=PRESSED)
    assert response.headers["location"] == "/account?notice=new_address"
    for site in ("cross-site", "same-site", "none"):
        foreign = {"Origin": "null", "Sec-Fetch-Site": site}
        assert (await browser.post("/confirm/abc", headers=foreign)).status_code == 403


@pytest.mark.parametrize("token", ["x" * 201, "%00", "a%2fb", "%ff", "..%2f..%2fetc"])
async def test_made_up_links_do_no_harm(
    browser: httpx2.AsyncClient, services: Services, token: str
) -> None:
    services.on("auth (POST|PUT) .*", refusal(422, "link_invalid"))
    for path in ("/confirm/", "/reset-password/", "/log-in/"):
        assert (await browser.get(path + token)).status_code in {404, 422}
        posted = await browser.post(path + token, data={"password": SECRET})
        assert posted.status_code in {404, 422}


async def test_a_new_password_by_mail_logs_this_browser_out(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth PUT /internal/password-resets", answer(204))
    response = await person.post("/reset-password/abc", data={"password": SECRET})
    assert response.headers["location"] == "/login?notice=password_reset"
    assert "session" not in person.cookies
    assert "access" not in person.cookies


async def test_asking_for_a_link_tells_nobody_who_has_an_account(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/password-resets", answer(202, {}))
    response = await browser.post("/forgotten-password", data={"email": "ann@example.org"})
    assert response.headers["location"] == "/forgotten-password?sent=yes"
    page = await browser.get(response.headers["location"], headers=RUSSIAN)
    assert "Загляните в почту" in page.text


async def test_sessions_are_shown_and_ended(person: httpx2.AsyncClient, services: Services) -> None:
    other = uuid4()
    listed = [
        session(current=True),
        session(id=other, device="<i>Safari</i> on iPhone", kind="api"),
        session(id=uuid4(), device="", address=""),
    ]
    services.on("auth GET /internal/sessions", answer(200, {"sessions": listed}))
    page = words(await person.get("/account/sessions"))
    assert "Firefox on Linux" in page
    assert "&lt;i&gt;Safari&lt;/i&gt; on iPhone" in page
    assert "Unknown device" in page
    assert page.count('/end"') == 2
    assert "<i>Safari" not in page
    services.on(f"auth DELETE /internal/sessions/{other}", answer(204))
    ended = await person.post(f"/account/sessions/{other}/end")
    assert ended.headers["location"] == "/account/sessions?notice=session_ended"
    services.on("auth DELETE /internal/sessions", answer(200, {"ended": 2}))
    ended = await person.post("/account/sessions/end-others")
    assert ended.headers["location"] == "/account/sessions?notice=sessions_ended"
    services.on("auth DELETE /internal/sessions/.*", refusal(404, "not_found"))
    gone = await person.post(f"/account/sessions/{other}/end")
    assert gone.headers["location"] == "/account/sessions"


async def test_a_token_is_made_and_shown_once(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/tokens", answer(201, api_token(token=f"prv_{SECRET}")))
    form = {"name": " build ", "scopes": ["files:read", "account"], "days": "30"}
    made = await person.post("/account/tokens", data=form)
    assert made.status_code == 200
    assert f'<code class="secret" id="token" tabindex="0">prv_{SECRET}</code>' in made.text
    assert sent(services, "auth POST /internal/tokens") == {
        "name": "build",
        "scopes": ["files:read", "account"],
        "expires_in_days": 30,
    }
    assert made.headers["cache-control"] == "no-store"
    assert SECRET not in (await person.get("/account/tokens")).text


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "mine", "days": "30"}, "Choose at least one thing"),
        ({"name": "mine", "days": "30", "scopes": "everything"}, "Choose at least one thing"),
        ({"name": "mine", "days": "10000", "scopes": "account"}, "Choose how long"),
        ({"name": "mine", "scopes": "account"}, "Choose how long"),
    ],
)
async def test_a_token_form_that_lacks_something_is_kept(
    person: httpx2.AsyncClient, services: Services, form: dict[str, str], told: str
) -> None:
    response = await person.post("/account/tokens", data=form)
    assert response.status_code == 422
    assert told in response.text
    assert 'value="mine"' in response.text
    assert not services.called("auth POST /internal/tokens")


async def test_a_token_is_revoked(person: httpx2.AsyncClient, services: Services) -> None:
    services.on("auth DELETE /internal/tokens/.*", answer(204))
    response = await person.post(f"/account/tokens/{UUID(int=5)}/revoke")
    assert response.headers["location"] == "/account/tokens?notice=token_revoked"
    services.calls.clear()
    opened = await person.get(f"/account/tokens/{UUID(int=5)}/revoke")
    assert opened.headers["location"] == "/account/tokens"
    assert not services.called("auth DELETE /internal/tokens/.*")


async def test_the_security_log_speaks_in_words_and_goes_on(
    person: httpx2.AsyncClient, services: Services
) -> None:
    failed = security_entry(id=2, kind="sign_in_failed", times=1200)
    entries = [failed, security_entry(kind="not yet known")]
    log = {"entries": entries, "next_cursor": "2"}
    services.on("auth GET /internal/me/security-log", answer(200, log))
    page = words(await person.get("/account/security"))
    assert "Login with a wrong password" in page
    assert page.count("times on end") == 1
    assert "1,200 times on end" in page
    assert "Something else" in page
    assert 'href="/account/security?cursor=2"' in page
    await person.get("/account/security?cursor=2")
    assert services.called("auth GET .*security-log")[-1].url.params["cursor"] == "2"


async def test_erasing_asks_for_the_password_and_forgets_the_browser(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/me/erasure", refusal(422, "wrong_password"))
    refused = await person.post("/account/erase", data={"password": SECRET})
    assert refused.status_code == 422
    assert SECRET not in refused.text
    services.on("auth POST /internal/me/erasure", answer(204))
    kept = dict(person.cookies)
    erased = await person.post("/account/erase", data={"password": SECRET})
    assert erased.headers["location"] == "/login?notice=erased"
    assert not person.cookies
    services.on("auth POST /internal/sessions/access", refusal(401, "unauthenticated"))
    with_old = {"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
    assert (await person.get("/account", headers=with_old)).status_code == 303


async def test_the_language_chosen_below_is_the_accounts(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth PATCH /internal/me", answer(200, account(language="ru")))
    await person.post("/language", data={"language": "ru", "next": "/checks"})
    assert sent(services, "auth PATCH /internal/me") == {"language": "ru"}
    services.on("auth PATCH /internal/me", unreachable)
    await person.post("/language", data={"language": "en", "next": "/checks"})
    assert '<html lang="en">' in (await person.get("/checks")).text


@pytest.mark.parametrize(
    "cookies",
    [
        "zone=../../etc/passwd",
        "zone=Europe/Nowhere",
        "zone=",
        'theme="onmouseover=1',
        "theme=neon; language=xx",
    ],
)
async def test_made_up_choices_count_for_nothing(browser: httpx2.AsyncClient, cookies: str) -> None:
    page = (await browser.get("/login", headers={"Cookie": cookies})).text
    assert '<html lang="en">' in page


@pytest.mark.parametrize(
    ("referer", "login"),
    [
        ("http://localhost:8000/files/1/change?a=b", "/login?next=/files/1/change%3Fa%3Db"),
        ("http://localhost:8000/", "/login"),
        ("https://evil.example/x", "/login"),
        ("", "/login"),
    ],
)
async def test_a_form_that_comes_after_the_session_ended_is_not_lost_in_silence(
    browser: httpx2.AsyncClient, referer: str, login: str
) -> None:
    sending = {"files": ("a.py", b"x = 1\n" * 100_000)}
    response = await browser.post("/", files=sending, headers={"Referer": referer})
    assert response.status_code == 401
    assert "was not saved" in response.text
    assert f'href="{login}"' in response.text


async def test_over_tls_the_pages_of_links_work_too(browsers: Browsers, services: Services) -> None:
    services.on("auth POST /internal/links", answer(200, link(services)))
    services.on("auth POST /internal/confirmations", answer(200, {"kind": "confirm_email"}))
    async with browsers(public_url="https://prereview.example") as http:
        own = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
        asked = await http.post("/confirm/abc", headers=own, data=PRESSED)
        assert asked.status_code == 303
