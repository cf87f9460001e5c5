"""The page of the second factor: set up, shown once, switched off."""

import re
from datetime import timedelta
from html import unescape

import httpx2
import pytest

from services.gateway.settings import Settings
from tests.support.keys import Keys
from tests.unit.gateway.conftest import Browsers, settings_of
from tests.unit.gateway.fake_services import NOW, Services, answer, factor, refusal

PAGE, AUTH = "/account/second-factor", "/internal/me/second-factor"
SECRET = "ABCDEFGH234567ABCDEFGH234567ABCD"
LINK = f"otpauth://totp/Prereview:ann%2Bx%40example.org?secret={SECRET}&issuer=Prereview"
CODES = ["aaaa-bbbb-cccc-dddd", "eeee-ffff-gggg-hhhh"]
ON = factor(enabled_at=NOW - timedelta(days=3), recovery_codes_left=9)


async def test_the_secret_is_shown_as_a_picture_a_text_and_a_link(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on(f"auth POST {AUTH}", answer(201, {"secret": SECRET, "uri": LINK}))
    page = await person.post(PAGE, data={"password": "secret"})
    assert page.status_code == 200
    assert f'href="{LINK}"'.replace("&", "&amp;") in page.text
    assert "ABCD EFGH 2345 67AB" in page.text
    (picture,) = re.findall(r"<svg[^>]*>.*?</svg>", page.text.split('class="qr"')[1], re.DOTALL)[:1]
    assert "style" not in picture  # our Content-Security-Policy allows none
    assert page.headers["cache-control"] == "no-store"


async def test_after_a_wrong_code_the_picture_is_still_there(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on(f"auth PUT {AUTH}", refusal(422, "wrong_second_factor_code"))
    page = await person.post(f"{PAGE}/confirmation", data={"code": "000000", "link": LINK})
    assert page.status_code == 422
    assert "This code is wrong" in page.text
    assert "<svg" in page.text.split('class="qr"')[1]
    assert f'name="link" value="{LINK}"' in unescape(page.text)


async def test_a_right_code_shows_the_recovery_codes_once(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on(f"auth PUT {AUTH}", answer(200, {"recovery_codes": CODES}))
    services.on(f"auth GET {AUTH}", answer(200, ON))
    page = await person.post(f"{PAGE}/confirmation", data={"code": "123456", "link": LINK})
    assert "\n".join(CODES) in page.text
    assert "9 codes are left." in page.text
    assert CODES[0] not in (await person.get(PAGE)).text


@pytest.mark.parametrize(
    "link",
    [
        "",
        "javascript:alert(1)",
        "https://evil.example/?secret=" + SECRET + "&issuer=Prereview",
        LINK + "&x=<script>",
        LINK.replace("ann", '"><script>'),
        LINK.replace("ann", "ä"),
        LINK.replace("ann", "a" * 2000),
        LINK.replace(SECRET, "A" * 10_000),
        LINK + "\n",
        "otpauth://[",
    ],
)
async def test_no_other_link_is_drawn_or_linked_to(
    person: httpx2.AsyncClient, services: Services, link: str
) -> None:
    page = await person.post(f"{PAGE}/confirmation", data={"code": "123456", "link": link})
    assert page.status_code == 422
    assert "evil" not in page.text
    assert "alert(1)" not in page.text
    assert services.called(f"auth PUT {AUTH}") == []


@pytest.mark.parametrize("code", ["second_factor_already_enabled", "second_factor_not_enabled"])
async def test_a_page_of_before_leads_back(
    person: httpx2.AsyncClient, services: Services, code: str
) -> None:
    services.on(f"auth PUT {AUTH}", refusal(409, code))
    led = await person.post(f"{PAGE}/confirmation", data={"code": "123456", "link": LINK})
    assert (led.status_code, led.headers["location"]) == (303, PAGE)


async def test_it_is_switched_off(person: httpx2.AsyncClient, services: Services) -> None:
    services.on(f"auth GET {AUTH}", answer(200, ON))
    services.on(f"auth DELETE {AUTH}", refusal(422, "wrong_second_factor_code"))
    proof = {"password": "secret", "code": "000000"}
    page = await person.post(f"{PAGE}/removal", data=proof)
    assert page.status_code == 422
    assert "This code is wrong" in page.text
    assert page.text.count("<details open>") == 1
    services.on(f"auth DELETE {AUTH}", answer(204))
    led = await person.post(f"{PAGE}/removal", data=proof)
    assert led.headers["location"] == f"{PAGE}?notice=second_factor_off"
    assert "the password alone logs in" in (await person.get(led.headers["location"])).text


async def test_new_recovery_codes_are_shown(person: httpx2.AsyncClient, services: Services) -> None:
    services.on(f"auth GET {AUTH}", answer(200, ON))
    services.on(f"auth POST {AUTH}/recovery-codes", answer(200, {"recovery_codes": CODES}))
    page = await person.post(f"{PAGE}/recovery-codes", data={"password": "x", "code": "1"})
    assert "\n".join(CODES) in page.text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("wrong_password", "The current password is wrong."),
        ("email_unconfirmed", "Confirm your e-mail address first."),
    ],
)
async def test_a_refused_beginning_says_why(
    person: httpx2.AsyncClient, services: Services, code: str, words: str
) -> None:
    services.on(f"auth POST {AUTH}", refusal(422, code))
    page = await person.post(PAGE, data={"password": "x"})
    assert page.status_code == 422
    assert words in page.text


@pytest.mark.parametrize(
    ("days", "most", "kept"), [(30, 90, 30), (30, 7, 7), (30, 0, 30), (400, 90, 90)]
)
def test_the_session_cookie_outlives_no_session(
    keys: Keys, days: int, most: int, kept: int
) -> None:
    settings: Settings = settings_of(keys, session_days=days, session_max_days=most)
    assert settings.session_seconds == kept * 86_400


async def test_the_session_cookie_is_kept_so_long(browsers: Browsers) -> None:
    async with browsers(session_max_days=2) as browser:
        answered = await browser.post("/login", data={"email": "a@b.example", "password": "x"})
    kept = next(
        one for one in answered.headers.get_list("set-cookie") if one.startswith("session=")
    )
    assert "Max-Age=172800" in kept
