"""Numbers and times as a language writes them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from shared.i18n.formats import date_time, number


def test_numbers_have_the_separators_of_the_language() -> None:
    assert (number("en", 12345), number("ru", 12345)) == ("12,345", "12\xa0345")
    assert (number("en", 0.5), number("ru", 0.5)) == ("0.5", "0,5")


def test_one_moment_is_written_as_each_clock_shows_it() -> None:
    noon = datetime(2026, 11, 22, 12, 0, 59, tzinfo=UTC)
    moscow = noon.astimezone(ZoneInfo("Europe/Moscow"))
    assert noon == moscow
    assert date_time("en", noon) == "22 Nov 2026, 12:00 UTC"
    assert date_time("en", moscow) == "22 Nov 2026, 15:00 UTC+3"
    assert date_time("ru", moscow) == "22 нояб. 2026, 15:00 UTC+3"
