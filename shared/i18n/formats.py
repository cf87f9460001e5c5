"""Numbers and times as a language writes them, the same on pages and in mails."""

from datetime import datetime, timedelta
from functools import lru_cache

from babel.dates import format_datetime
from babel.numbers import format_decimal

from shared.contracts.auth import Language

_CACHED = 4096  # results of each kind
_PATTERN = "d MMM y, HH:mm"  # of CLDR, with the months of the reader's language


@lru_cache(_CACHED)
def number(language: Language, value: float) -> str:
    """`1,234`, `1 234` with a space that does not break."""
    return str(format_decimal(value, locale=language))


def date_time(language: Language, local: datetime) -> str:
    """`26 Nov 2026, 14:05 UTC+3`, of an aware time."""
    minute = local.replace(second=0, microsecond=0, tzinfo=None)  # equal only where it looks equal
    return f"{_on_the_clock(language, minute)} {utc_offset(local)}"


def utc_offset(local: datetime) -> str:
    """The distance of an aware time from UTC: `UTC`, `UTC+3`, `UTC−3:30`."""  # noqa: RUF002
    minutes = round((local.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"  # noqa: RUF001 - typography
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "UTC"


@lru_cache(_CACHED)
def _on_the_clock(language: Language, minute: datetime) -> str:
    return format_datetime(minute, _PATTERN, locale=language)
