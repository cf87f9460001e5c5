"""The templates beside this module. HTML escapes every value; a missing value is an error."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifier.mail.words import Words

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, words: Words, values: Mapping[str, object]) -> str:
    """Fill a template; its `say` is `words`."""
    return _TEMPLATES.get_template(template).render(values, say=words)
