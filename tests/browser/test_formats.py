"""Sizes and times look the same whether the server writes them or a script in the page."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser

from services.gateway.i18n.formats import moment, size, size_patterns
from services.gateway.web.static_files import ASSETS
from services.notifier.mail.words import load_words
from shared.contracts.auth import Language

LANGUAGES = get_args(Language)
ZONES = ["UTC", "Europe/Moscow", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati"]
_AROUND = [1024**power * near for power in (1, 2, 3) for near in (1, 10, 1000, 1023)]
SIZES = sorted(
    {0, 1, 9, 10, 999, 1000, 1023, 1229, 1280, 1332, 2150, 65_535, 999_999, 5_000_000_000}
    | {exact + by for exact in _AROUND for by in (-1, 0, 1, 51, 52, 256, 52_428)}
    | {n**7 for n in range(1, 24)}
)
MOMENTS = [
    *(datetime(2026, month, 1, 0, 0, tzinfo=UTC) for month in range(1, 13)),
    *(datetime(2026, month, 26, 11, 5, 59, tzinfo=UTC) for month in range(1, 13)),
    datetime(2025, 12, 31, 21, 30, tzinfo=UTC),
    datetime(1999, 7, 4, 12, 0, tzinfo=UTC),
    datetime(2031, 3, 30, 1, 0, tzinfo=UTC),  # the night of the clocks
    *(datetime(2026, 3, 29, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(8)),
]


def _script(name: str) -> str:
    return f'<script type="module">{ASSETS[name].content.decode()}</script>'


def _page(language: Language, body: str, *scripts: str, zone: str = "") -> str:
    html = f'<!doctype html><html lang="{language}" data-zone="{zone}">'
    return f"{html}<body>{body}{''.join(map(_script, scripts))}"


async def _texts(chromium: Browser, html: str, selector: str, **context: str) -> list[str]:
    page = await chromium.new_page(**context)  # type: ignore[arg-type]
    try:
        await page.set_content(html)
        return await page.locator(selector).all_text_contents()
    finally:
        await page.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("locale", ["en-US", "en-GB", "ru-RU", "de-DE"])
async def test_a_script_writes_times_as_the_server_and_mails_do(
    chromium: Browser, language: Language, locale: str
) -> None:
    body = "".join(moment(language, when) for when in MOMENTS)
    for name in ZONES:
        zone = ZoneInfo(name)
        expected = [moment(language, when, zone).striptags() for when in MOMENTS]
        mailed = load_words(language, name)
        assert expected == [mailed.time(when) for when in MOMENTS]
        html = _page(language, body, "times.js")
        shown = await _texts(chromium, html, "time", locale=locale, timezone_id=name)
        assert shown == expected, name


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_zone_of_the_account_goes_before_the_browsers(
    chromium: Browser, language: Language
) -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    body = "".join(moment(language, when, zone) for when in MOMENTS)
    html = _page(language, body, "times.js", zone=zone.key)
    shown = await _texts(chromium, html, "time", timezone_id="America/St_Johns")
    assert shown == [moment(language, when, zone).striptags() for when in MOMENTS]
    assert all(text.endswith("UTC+5:45") for text in shown)


_FORM = """
<form data-upload data-limit="1e30" data-most="10000" data-sizes='{patterns}'>
  <input type="file" multiple><ul data-names></ul><button></button>
</form>
<script>
  // The name of a file says how large it pretends to be.
  const size = {{ get() {{ return Number.parseInt(this.name); }} }};
  Object.defineProperty(Blob.prototype, "size", size);
  const chosen = new DataTransfer();
  for (const size of {sizes}) chosen.items.add(new File([], `${{size}}.py`));
  document.querySelector("input").files = chosen.files;
</script>
"""


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_script_writes_sizes_as_the_server_does(
    chromium: Browser, language: Language
) -> None:
    body = _FORM.format(patterns=size_patterns(language), sizes=SIZES)
    html = _page(language, body, "upload.js")
    shown = await _texts(chromium, html, "[data-names] li span", locale="de-DE")
    assert shown == [size(language, count) for count in SIZES]


def test_each_page_that_shows_sizes_by_a_script_gives_it_the_words() -> None:
    templates = Path("services/gateway/web/templates")
    forms = [text for one in templates.glob("*.html") if "data-upload" in (text := one.read_text())]
    assert len(forms) == 2
    assert all("data-sizes='{{ size_patterns }}'" in text for text in forms)
    assert list(chain(LANGUAGES)) == ["en", "ru"]
