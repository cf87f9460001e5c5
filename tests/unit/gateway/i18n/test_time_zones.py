"""Time zones as they are offered, and times in them."""

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest

from services.gateway.i18n.formats import moment
from services.gateway.i18n.time_zones import REGIONS, choices, offset, zone
from tests.unit.gateway.fake_services import NOW

SUMMER = datetime(2026, 7, 1, tzinfo=UTC)


def test_each_place_is_offered_once_in_both_languages() -> None:
    for language, moscow in (("en", "Moscow, UTC+3"), ("ru", "Москва, UTC+3")):
        offered = choices("ru" if language == "ru" else "en", NOW)
        assert len(offered) == len(REGIONS)
        zones = [name for _, places in offered for name, _ in places]
        assert len(set(zones)) == len(zones) > 350
        assert set(zones) <= available_timezones()
        assert ("Europe/Moscow", moscow) in dict(offered)["Europe"]


@pytest.mark.parametrize(
    ("name", "when", "told"),
    [
        ("Europe/London", NOW, "UTC"),
        ("Europe/London", SUMMER, "UTC+1"),
        ("Asia/Kathmandu", NOW, "UTC+5:45"),
        ("America/St_Johns", NOW, "UTC\u22123:30"),
        ("America/New_York", SUMMER, "UTC\u22124"),
    ],
)
def test_the_distance_from_utc_is_todays(name: str, when: datetime, told: str) -> None:
    assert offset(name, when) == told


@pytest.mark.parametrize("name", ["", "auto", "../etc/passwd", "Europe/Nowhere", "/etc/localtime"])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert zone(name) is None


def test_a_time_is_shown_in_the_readers_zone() -> None:
    shown = moment("en", NOW, zone("Asia/Kathmandu"))
    assert shown == '<time datetime="2026-11-22T12:00:00Z">22 Nov 2026, 17:45 UTC+5:45</time>'
