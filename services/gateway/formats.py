"""Times, sizes and numbers as a language writes them."""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import UTC as BABEL_UTC
from babel.dates import format_datetime
from babel.numbers import format_decimal
from markupsafe import Markup

from services.gateway.i18n.language import N_, translations
from services.gateway.visible import breakable, code_spans, unseen, visible
from shared import visible_text
from shared.contracts.auth import Language

_SIZES = ((1024 * 1024, N_("{n} MB")), (1024, N_("{n} KB")), (1, N_("{n} B")))

# Of the page being rendered. Templates that import others pass no values along, so it is no value.
readers_zone: ContextVar[ZoneInfo | None] = ContextVar("readers_zone", default=None)


def moment(language: Language, when: datetime, zone: ZoneInfo | None = None) -> Markup:
    """A time in the reader's zone; without one in UTC, and a script may make it the reader's."""
    machine = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    shown = format_datetime(when, "d MMM y, HH:mm", tzinfo=zone or BABEL_UTC, locale=language)
    return Markup('<time datetime="{}">{}{}</time>').format(machine, shown, "" if zone else " UTC")


def number(language: Language, value: float) -> str:
    return str(format_decimal(value, locale=language))


def size(language: Language, count: int) -> str:
    """`2.1 KB`, `2,1 КБ`."""
    unit, sentence = next((entry for entry in _SIZES if count >= entry[0]), _SIZES[-1])
    shown = format_decimal(count / unit, "#,##0.#", locale=language)
    return translations(language).gettext(sentence).format(n=shown)


def duration(language: Language, milliseconds: int) -> str:
    if milliseconds < 1000:  # noqa: PLR2004
        return translations(language).gettext(N_("{n} ms")).format(n=milliseconds)
    shown = format_decimal(milliseconds / 1000, "#,##0.#", locale=language)
    return translations(language).gettext(N_("{n} s")).format(n=shown)


def filters(language: Language) -> dict[str, Callable[[Any], Any]]:
    """The formats as template filters."""
    return {
        "moment": lambda when: moment(language, when, readers_zone.get()),
        "number": lambda value: number(language, value),
        "size": lambda count: size(language, count),
        "visible": visible,
        "unseen": unseen,
        "written_out": visible_text.visible,
        "breakable": breakable,
        "code_spans": code_spans,
        "duration": lambda milliseconds: duration(language, milliseconds),
    }
