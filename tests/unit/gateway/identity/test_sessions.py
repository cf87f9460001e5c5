"""Logging in, staying logged in, logging out."""

import re
from uuid import UUID, uuid4

import httpx2
import pytest

from services.gateway.http.middleware import BODY_SECONDS
from services.gateway.identity.auth_cache import TTL, ActiveSessions
from shared.errors import Unavailable
from tests.unit.gateway.conftest import Browsers
from tests.unit.gateway.fake_services import Services, answer, refusal, unreachable

LOGIN = {"email": "ann@example.org", "password": "secret"}


def cookies(response: httpx2.Response) -> dict[str, str]:
    """The cookies a response sets, name → attributes."""
    given = response.headers.get_list("set-cookie")
    return {line.partition("=")[0]: line for line in given}


PREFERENCES = {"language": "ru", "time_zone": "Europe/Moscow", "theme": "dark"}
NAMES = {"session", "access", "device", "language", "zone", "theme"}


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.preferences = PREFERENCES
    services.on("auth POST /internal/sessions", answer(200, services.tokens()))
    set_cookies = cookies(await browser.post("/login", data=LOGIN))
    assert set(set_cookies) == NAMES
    for line in set_cookies.values():
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        assert "Secure" not in line


async def test_over_tls_cookies_are_bound_to_the_host(
    browsers: Browsers, services: Services
) -> None:
    services.preferences = PREFERENCES
    services.on("auth POST /internal/sessions", answer(200, services.tokens()))
    async with browsers(public_url="https://prereview.example") as http:
        response = await http.post("/login", data=LOGIN)
        set_cookies = cookies(response)
        assert set(set_cookies) == {f"__Host-{name}" for name in NAMES}
        assert "max-age" in response.headers["strict-transport-security"]
        assert (await http.get("/")).status_code == 200
        taken_back = cookies(await http.post("/logout"))
        assert taken_back
        for line in (*set_cookies.values(), *taken_back.values()):
            assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; "))
            assert "Domain" not in line


async def test_login_leads_back_to_the_page_that_was_asked_for(
    browser: httpx2.AsyncClient,
) -> None:
    page = f"/checks/{uuid4()}?a=b"
    asked = await browser.get(page)
    assert asked.status_code == 303
    form = await browser.get(asked.headers["location"])
    assert f'value="{page}"' in form.text
    response = await browser.post("/login", data={**LOGIN, "next": page})
    assert response.headers["location"] == page


@pytest.mark.parametrize("wanted", ["//evil", "/\\evil", "https:evil", "javascript:x", "%2f%2fe"])
@pytest.mark.parametrize("path", ["/login", "/language"])
async def test_no_form_leads_to_another_site(
    browser: httpx2.AsyncClient, path: str, wanted: str
) -> None:
    response = await browser.post(path, data={**LOGIN, "language": "ru", "next": wanted})
    assert response.headers["location"] == "/"
    assert wanted not in (await browser.get("/login", params={"next": wanted})).text


async def test_a_wrong_password_is_told_and_the_address_kept(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/sessions", refusal(401, "wrong_credentials"))
    response = await browser.post("/login", data=LOGIN)
    assert response.status_code == 401
    assert "The e-mail address or the password is wrong." in response.text
    assert 'value="ann@example.org"' in response.text
    assert "secret" not in response.text


async def test_while_auth_is_away_the_form_stays(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/sessions", unreachable)
    response = await browser.post("/login", data=LOGIN)
    assert response.status_code == 503
    assert 'value="ann@example.org"' in response.text


async def test_a_second_login_ends_the_first_session(
    person: httpx2.AsyncClient, services: Services
) -> None:
    first = person.cookies["access"]
    await person.post("/login", data=LOGIN)
    (ended,) = services.called("auth DELETE /internal/sessions/current")
    assert ended.headers["authorization"] == f"Bearer {first}"
    assert person.cookies["access"] != first


async def test_a_session_that_was_planted_is_not_the_one_of_the_login(
    browser: httpx2.AsyncClient,
) -> None:
    planted = {"Cookie": "session=planted; access=planted"}
    set_cookies = cookies(await browser.post("/login", data=LOGIN, headers=planted))
    assert set_cookies["session"].startswith("session=opaque-session;")
    assert "planted" not in set_cookies["access"]


async def test_too_many_attempts_are_told_with_the_time_to_wait(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on(
        "auth POST /internal/sessions",
        answer(429, {"code": "too_many_attempts", "params": {"minutes": 10}}, Retry_After="600"),
    )
    response = await browser.post("/login", data=LOGIN)
    assert (response.status_code, response.headers["retry-after"]) == (429, "600")
    assert "Too many attempts. Please try again in 10 min." in response.text
    assert 'value="ann@example.org"' in response.text


@pytest.mark.parametrize("bad", [b"%ff", b"%ED%A0%80aaaaaaa", b"\xff"])
@pytest.mark.parametrize(
    "path", ["/login", "/register", "/account/password", "/reset-password/x", "/account/email"]
)
async def test_a_form_that_is_no_text_reaches_nobody(
    person: httpx2.AsyncClient, services: Services, path: str, bad: bytes
) -> None:
    """Decoding it anyway would change the password."""
    services.calls.clear()
    body = b"email=a%40b.example&current_password=x&new_password=" + bad + b"&password=" + bad
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await person.post(path, content=body, headers=headers)
    assert response.status_code == 422
    assert not services.called("auth (POST|PUT) .*")
    packed = await person.post(path, data=LOGIN, headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 415


async def test_a_lost_access_token_is_fetched_anew(
    person: httpx2.AsyncClient, services: Services
) -> None:
    del person.cookies["access"]
    response = await person.get("/")
    assert response.status_code == 200
    assert "access" in cookies(response)
    (asked,) = services.called("auth POST /internal/sessions/access")
    assert b"opaque-session" in asked.content


async def test_a_session_that_ended_elsewhere_leads_to_the_login(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth GET /internal/sessions/.*", refusal(404, "not_found"))
    services.on("auth POST /internal/sessions/access", refusal(401, "unauthenticated"))
    response = await person.get("/")
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in cookies(response)["session"]


async def test_logout_is_seen_at_once(person: httpx2.AsyncClient, services: Services) -> None:
    assert (await person.get("/")).status_code == 200
    kept = dict(person.cookies)
    response = await person.post("/logout")
    assert "Max-Age=0" in cookies(response)["access"]
    services.on("auth POST /internal/sessions/access", refusal(401, "unauthenticated"))
    with_old = {"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
    assert (await person.get("/", headers=with_old)).status_code == 303


async def test_nobody_is_logged_out_by_a_link(person: httpx2.AsyncClient) -> None:
    assert (await person.get("/logout")).headers["location"] == "/"
    assert (await person.get("/")).status_code == 200


async def test_reading_goes_on_while_auth_is_away(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth .*", unreachable)
    assert (await person.get("/")).status_code == 200


async def test_auth_is_asked_now_and_then_only() -> None:
    asked: list[UUID] = []
    now = 0.0

    async def ask(session_id: UUID) -> bool:
        asked.append(session_id)
        return True

    active = ActiveSessions(ask, lambda: now)
    session = uuid4()
    assert [await active.is_active(session) for _ in range(5)] == [True] * 5
    assert asked == [session]
    now = TTL + 1
    assert await active.is_active(session)
    assert len(asked) == 2


async def test_a_dead_session_stays_dead_while_auth_is_away() -> None:
    async def ask(_: UUID) -> bool:
        raise Unavailable

    active, session = ActiveSessions(ask), uuid4()
    active.end(session)
    assert not await active.is_active(session)
    assert await active.is_active(uuid4())


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é" * 10, "x" * 300_000])
async def test_garbage_in_cookies_is_nobody(
    browser: httpx2.AsyncClient, services: Services, token: str
) -> None:
    services.on("auth POST /internal/sessions/access", refusal(401, "unauthenticated"))
    headers = [(b"Cookie", f"access={token}; session={token}".encode())]
    assert (await browser.get("/", headers=headers)).status_code in {303, 431}


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/files"])
async def test_a_cookie_opens_no_api(person: httpx2.AsyncClient, path: str) -> None:
    response = await person.get(path)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_registration_tells_nobody_who_has_an_account(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/users", answer(202, {}))
    response = await browser.post("/register", data=LOGIN)
    assert response.headers["location"] == "/login?notice=registered"
    page = await browser.get(response.headers["location"])
    assert "You can log in already." in page.text
    assert 'value="ann@example.org"' in page.text
    assert "account before" not in page.text  # whether there was one


async def test_a_refused_registration_keeps_the_address(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/users", refusal(422, "password_too_short", minimum=8))
    response = await browser.post(
        "/register", data=LOGIN, headers={"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.8"}
    )
    assert response.status_code == 422
    assert "Пароль должен быть не короче 8 символов." in response.text
    assert 'value="ann@example.org"' in response.text


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/login", "/"),
        ("/login?next=/checks", "/checks"),
        ("/login?next=//evil", "/"),
        ("/register", "/"),
    ],
)
async def test_who_is_logged_in_need_not_log_in(
    person: httpx2.AsyncClient, path: str, there: str
) -> None:
    response = await person.get(path)
    assert (response.status_code, response.headers["location"]) == (303, there)


@pytest.mark.parametrize("path", ["/nothing", "/files/no-id"])
async def test_a_page_that_is_not_there_knows_who_looks_for_it(
    person: httpx2.AsyncClient, browsers: Browsers, path: str
) -> None:
    response = await person.get(path)
    assert response.status_code == 404
    assert "Log out" in response.text
    async with browsers() as stranger:
        stranger.cookies.set("access", "a.b.c")
        assert "Log out" not in (await stranger.get(path)).text


async def test_a_form_that_takes_long_arrives_before_its_token_has_run_out(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    response = await browser.post("/login", data=LOGIN)
    age = re.search(r"Max-Age=(\d+)", cookies(response)["access"])
    assert age is not None
    assert services.tokens()["expires_in"] - int(age[1]) > BODY_SECONDS
