"""The templates beside this module. HTML escapes every value; a missing value is an error."""

from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup, escape

from shared.code_spans import mark_code


def code_spans(message: str) -> Markup:
    """A linter's sentence, which may be cut."""
    return mark_code(str(escape(message)), is_cut=True)


_FOLDER = Path(__file__).parent
# Of templates when they are read, before values are filled in.
_READING = Environment(
    *("[%", "%]", "[[", "]]", "[#", "#]"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - nothing but the style is filled in
    keep_trailing_newline=True,
)


class _Context(Context):
    """Calls what a template calls at once.

    Jinja finds out at each call whether the context is wanted, which nothing here does, and that
    takes a third of the time of rendering. The two names left out are its own.
    """

    def call(
        self,
        function: Callable[..., object],
        *args: object,
        _loop_vars: object = None,
        _block_vars: object = None,
        **values: object,
    ) -> object:
        return function(*args, **values)


class _Styled(FileSystemLoader):
    """Fills the style in once, for it is the same in every mail: `[[ light.ink ]]`."""

    def __init__(self) -> None:
        super().__init__(_FOLDER)
        style = Environment().from_string((_FOLDER / "style.html").read_text("utf-8"))  # noqa: S701
        self._style = vars(style.module)

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        source, file, is_fresh = super().get_source(environment, template)
        return _READING.from_string(source).render(self._style), file, is_fresh


_TEMPLATES = Environment(
    loader=_Styled(),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,  # what is installed does not change while it runs
)
_TEMPLATES.context_class = _Context
_TEMPLATES.filters["code_spans"] = code_spans
for _name in _TEMPLATES.list_templates(extensions=["html", "txt"]):
    _TEMPLATES.get_template(_name)  # compiled now: the first mail would wait for it


def render(template: str, values: Mapping[str, object]) -> str:
    return _TEMPLATES.get_template(template).render(values)
