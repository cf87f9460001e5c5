"""Everything a user reads is there in Russian, complete, and nothing more."""

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir

import services.gateway
from services.gateway.i18n.formats import moment, size
from services.gateway.i18n.language import choose
from tests.support.catalogues import read_catalogue, translated, with_other_places
from tests.unit.gateway.fake_services import NOW

FOLDER = Path(services.gateway.__file__).parent


@pytest.fixture(scope="module")
def russian() -> Catalog:
    return read_catalogue(FOLDER / "i18n" / "ru" / "gateway.po")


def _used() -> set[Any]:
    """Sentences marked in templates and code; pairs where there is a plural."""
    found = extract_from_dir(
        str(FOLDER),
        [("**.py", "python"), ("web/templates/**.html", "jinja2.ext.babel_extract")],
        {"web/templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}},
        {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)},
    )
    return {(context, message) for _, _, message, _, context in found}


def test_every_sentence_is_translated_and_no_translation_is_left_over(russian: Catalog) -> None:
    assert _used() - translated(russian) == set(), "add these to i18n/ru/gateway.po"
    assert translated(russian) - _used() == set(), "remove these from i18n/ru/gateway.po"


def test_translations_have_the_same_places(russian: Catalog) -> None:
    assert with_other_places(russian) == []


def test_nothing_is_said_outside_the_translations() -> None:
    """Text between the tags of a template is translated, or a name."""
    allowed = {
        "Prereview",
        "SHA-256",
        "Message-ID",
        "API",
        "/api/openapi.json",
        "· Prereview",
        "version",
    }
    for path in (FOLDER / "templates").glob("*.html"):
        text = re.sub(
            r"\{%-?\s*trans.*?endtrans.*?%\}", "", path.read_text("utf-8"), flags=re.DOTALL
        )
        text = re.sub(r"\{[{%#].*?[}%#]\}|<pre.*?</pre>", "", text, flags=re.DOTALL)
        said = {piece.strip() for piece in re.sub(r"<[^>]*>", "\n", text).split("\n")}
        left = {piece for piece in said if re.search(r"\w", piece)} - allowed
        assert left == set(), path.name


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        ("", "", "en"),
        ("", "ru", "ru"),
        ("", "ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("", "en-US,ru;q=0.9", "en"),
        ("", "de,ru;q=0.5,en;q=0.4", "ru"),
        ("", "de", "en"),
        ("", "ru;q=0,en;q=0.1", "en"),
        ("", "rus", "en"),
        ("ru", "en", "ru"),
        ("en", "ru", "en"),
        ("xx", "ru", "ru"),
        ("", ";q=,,;;q=x,ru;q=abc", "en"),
    ],
)
def test_the_language_is_the_visitors(cookie: str, header: str, language: str) -> None:
    assert choose(cookie, header) == language


@pytest.mark.parametrize(
    ("count", "english", "russian"),
    [
        (0, "0 B", "0 Б"),
        (1, "1 B", "1 Б"),
        (1023, "1,023 B", "1\u00a0023 Б"),
        (1024, "1 KB", "1 КБ"),
        (2150, "2.1 KB", "2,1 КБ"),
        (1280, "1.3 KB", "1,3 КБ"),  # halves are rounded up
        (1024 * 1024 - 1, "1 MB", "1 МБ"),
        (1024 * 1024, "1 MB", "1 МБ"),
        (200 * 1024**2, "200 MB", "200 МБ"),
        (5 * 1024**3, "5 GB", "5 ГБ"),
        (5 * 1024**4, "5,120 GB", "5\u00a0120 ГБ"),
    ],
)
def test_sizes_are_short(count: int, english: str, russian: str) -> None:
    assert (size("en", count), size("ru", count)) == (english, russian)


def test_times_are_in_utc_for_people_and_machines() -> None:
    assert moment("en", NOW) == (
        '<time datetime="2026-11-22T12:00:00Z">22 Nov 2026, 12:00 UTC</time>'
    )
    assert "22 нояб. 2026, 12:00 UTC" in moment("ru", NOW)


@pytest.mark.parametrize(
    ("zone", "english", "russian"),
    [
        ("Europe/Moscow", "22 Nov 2026, 15:00 UTC+3", "22 нояб. 2026, 15:00 UTC+3"),
        (
            "America/St_Johns",
            "22 Nov 2026, 08:30 UTC\u22123:30",
            "22 нояб. 2026, 08:30 UTC\u22123:30",
        ),
        ("Pacific/Kiritimati", "23 Nov 2026, 02:00 UTC+14", "23 нояб. 2026, 02:00 UTC+14"),
        ("Africa/Abidjan", "22 Nov 2026, 12:00 UTC", "22 нояб. 2026, 12:00 UTC"),
    ],
)
def test_times_in_a_zone_carry_its_offset(zone: str, english: str, russian: str) -> None:
    for written, shown in (
        (moment("en", NOW, ZoneInfo(zone)), english),
        (moment("ru", NOW, ZoneInfo(zone)), russian),
    ):
        assert written == f'<time datetime="2026-11-22T12:00:00Z">{shown}</time>'
