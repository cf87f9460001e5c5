"""The choice of time zones."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from itertools import groupby
from zoneinfo import ZoneInfo, available_timezones

from babel.core import Locale, get_global
from babel.dates import get_timezone_location

from shared.contracts.auth import Language
from shared.i18n.catalogue import N_
from shared.i18n.formats import utc_offset

REGIONS = {
    "Africa": N_("Africa"),
    "America": N_("America"),
    "Antarctica": N_("Antarctica"),
    "Asia": N_("Asia"),
    "Atlantic": N_("Atlantic Ocean"),
    "Australia": N_("Australia"),
    "Europe": N_("Europe"),
    "Indian": N_("Indian Ocean"),
    "Pacific": N_("Pacific Ocean"),
}

Choice = tuple[str, str]  # zone, label


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def zone(name: str) -> ZoneInfo | None:
    """The zone of a name; None for `auto` and unknown names."""
    return ZoneInfo(name) if name in _zone_names() else None


def choices(language: Language, now: datetime) -> list[tuple[str, list[Choice]]]:
    """One zone per city, by region: `("Europe", [("Europe/Moscow", "Moscow, UTC+3"), …])`."""
    return [
        (REGIONS[region], [(name, f"{city}, {offset(name, now)}") for _, city, name in places])
        for region, places in groupby(_places(language), lambda place: place[0])
    ]


def offset(name: str, now: datetime) -> str:
    """The UTC offset of the zone at that time."""
    return utc_offset(now.astimezone(ZoneInfo(name)))


@cache
def _places(language: Language) -> list[tuple[str, str, str]]:
    """Region, city, zone."""
    found = [
        (name.partition("/")[0], _city(name, language), name)
        for name in _without_aliases(_zone_names())
    ]
    places = [place for place in found if place[0] in REGIONS]
    return sorted(places, key=lambda place: (place[0], place[1].casefold()))


def _without_aliases(names: Iterable[str]) -> list[str]:
    """One name per zone, preferably the canonical name of CLDR."""
    aliases = get_global("zone_aliases")
    places: dict[str, str] = {}
    for name in sorted(names):
        place = aliases.get(name, name)
        if name == place or place not in places:
            places[place] = name
    territories = get_global("zone_territories")
    return [name for place, name in places.items() if place in territories]


def _city(name: str, language: Language) -> str:
    """The translated city; translations of renamed cities use the former zone name."""
    former = (old for old, new in get_global("zone_aliases").items() if new == name)
    translated = Locale.parse(language).time_zones
    listed = (translated.get(one, {}).get("city") for one in (name, *former))
    return next(filter(None, listed), None) or str(
        get_timezone_location(name, locale=language, return_city=True)
    )
