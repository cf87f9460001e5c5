"""Localized times, sizes and numbers.

A KB is 1,024 bytes and an MB 1,024 KB, as in file managers of Windows, so that limits, which are
powers of two, are round. Sizes have one decimal; halves are rounded up. `upload.js` and `times.js`
format the same way in the browser.
"""

import json
import math
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal
from markupsafe import Markup

from services.gateway.i18n.language import translations
from services.gateway.i18n.visible_text import breakable, code_spans, unseen, visible
from shared import visible_text
from shared.contracts.auth import Language
from shared.i18n.catalogue import N_
from shared.i18n.formats import date_time, number

_MAX_CACHED = 4096  # results of each kind: a page repeats most of what the page before showed
_SIZES = (N_("{n} B"), N_("{n} KB"), N_("{n} MB"), N_("{n} GB"))

# The zone of the page being rendered: a context variable, as imported templates see no values.
readers_zone: ContextVar[ZoneInfo | None] = ContextVar("readers_zone", default=None)


@lru_cache(_MAX_CACHED)
def moment(language: Language, when: datetime, zone: ZoneInfo | None = None) -> Markup:
    """A time in the user's zone; without one in UTC, which a script converts in the browser."""
    machine = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    local = when.astimezone(zone or UTC)
    shown = date_time(language, local)
    return Markup('<time datetime="{}">{}</time>').format(machine, shown)


@lru_cache(_MAX_CACHED)
def size(language: Language, count: int) -> str:
    """`2.1 KB`, `2,1 КБ`."""
    steps = (math.floor(count * 10 / 1024**step + 0.5) / 10 for step in range(len(_SIZES)))
    sizes = list(zip(steps, _SIZES, strict=True))
    amount, sentence = next((one for one in sizes if one[0] < 1024), sizes[-1])  # noqa: PLR2004
    shown = format_decimal(amount, "#,##0.#", locale=language)
    return translations(language).gettext(sentence).format(n=shown)


def size_patterns(language: Language) -> str:
    """The patterns of sizes as JSON, for `upload.js`."""
    return json.dumps([translations(language).gettext(pattern) for pattern in _SIZES])


def duration(language: Language, milliseconds: int) -> str:
    if milliseconds < 1000:  # noqa: PLR2004
        return translations(language).gettext(N_("{n} ms")).format(n=milliseconds)
    shown = format_decimal(milliseconds / 1000, "#,##0.#", locale=language)
    return translations(language).gettext(N_("{n} s")).format(n=shown)


def filters(language: Language) -> dict[str, Callable[[Any], Any]]:
    """The template filters."""
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
