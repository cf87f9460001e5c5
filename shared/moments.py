"""How times are written for people, on pages and in mails: `26 Nov 2026, 14:05 UTC+3`."""

from datetime import datetime, timedelta

PATTERN = "d MMM y, HH:mm"  # of CLDR, with the months of the reader's language


def utc_offset(local: datetime) -> str:
    """The distance of an aware time from UTC: `UTC`, `UTC+3`, `UTC−3:30`."""  # noqa: RUF002
    minutes = round((local.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"  # noqa: RUF001 - typography
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "UTC"
