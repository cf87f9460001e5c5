"""The templates beside this module. HTML escapes every value; a missing value is an error."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from services.notifier.mail.words import Words


def with_code(message: str) -> Markup:
    """What stands between backticks as `<code>`; one without a partner reaches to the end."""
    parts = message.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else part
        for place, part in enumerate(parts)
        if part
    )


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,  # what is installed does not change while it runs
)
_TEMPLATES.filters["with_code"] = with_code


def render(template: str, words: Words, values: Mapping[str, object]) -> str:
    """Fill a template; its `say` is `words`."""
    return _TEMPLATES.get_template(template).render(values, say=words)
