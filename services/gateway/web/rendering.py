"""Renders templates in the user's language."""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, get_args

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.gateway.http.safe_redirect import local_path
from services.gateway.i18n.error_messages import sentence
from services.gateway.i18n.formats import filters, readers_zone, size_patterns
from services.gateway.i18n.language import choose, translations
from services.gateway.i18n.password_advice import advice
from services.gateway.i18n.time_zones import zone
from services.gateway.identity.cookies import Cookies
from services.gateway.settings import Settings
from services.gateway.web import static_files
from shared.contracts.auth import Language
from shared.contracts.http.auth import Theme
from shared.errors import DomainError
from shared.web.app import provided

_TEMPLATES = Path(__file__).parent / "templates"


class PageRenderer:
    """Renders templates with the values every page needs."""

    def __init__(self, settings: Settings, cookies: Cookies) -> None:
        self._cookies = cookies
        self._settings = settings

    def language(self, request: Request) -> Language:
        return choose(
            self._cookies.read(request, "language"), request.headers.get("accept-language", "")
        )

    def theme(self, request: Request) -> str:
        chosen = self._cookies.read(request, "theme")
        return chosen if chosen in get_args(Theme) else "auto"

    def render(
        self,
        request: Request,
        template: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        chosen = zone(self._cookies.read(request, "zone"))
        context = (
            self._common_values(request, status) | {"zone": chosen.key if chosen else ""} | values
        )
        shown = readers_zone.set(chosen)
        try:
            page = _environment(context["language"]).get_template(template).render(context)
        finally:
            readers_zone.reset(shown)
        return HTMLResponse(page, status, headers)

    def _common_values(self, request: Request, status: int) -> dict[str, Any]:
        """The values of every page."""
        return {
            "language": self.language(request),
            "theme": self.theme(request),
            "here": _here(request),
            "path": request.url.path,
            "status": status,
            "user": getattr(request.state, "user", None),
            "unconfirmed": getattr(request.state, "unconfirmed", False),
            "settings": self._settings,
        }

    def refuse(
        self, request: Request, template: str, error: DomainError, **values: Any
    ) -> HTMLResponse:
        """Render the form again, with the error and the submitted `values`."""
        headers = values.pop("headers", {})
        if error.retry_after:
            headers = headers | {"Retry-After": str(error.retry_after)}
        return self.render(
            request,
            template,
            error.status,
            headers,
            error=self.explain(request, error),
            code=error.code,
            advice=[self.translate(request, one) for one in advice(error)],
            **values,
        )

    def translate(self, request: Request, sentence: str) -> str:
        """Translate a sentence marked with `N_`."""
        return translations(self.language(request)).gettext(sentence)

    def explain(self, request: Request, error: DomainError) -> str:
        """The error's message in the user's language."""
        return sentence(self.language(request), error.code, error.params)


Pages = Annotated[PageRenderer, provided(PageRenderer)]


@cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    sentences = translations(language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        sentences.gettext, sentences.ngettext, newstyle=True
    )
    environment.filters.update(filters(language))
    environment.globals["asset"] = static_files.url
    environment.globals["error_sentence"] = partial(sentence, language)
    environment.globals["size_patterns"] = Markup(size_patterns(language))  # noqa: S704 - no quotes
    return environment


def _here(request: Request) -> str:
    """The path to return to after a change of language."""
    if request.method != "GET":
        return local_path(request.url.path)
    query = f"?{request.url.query}" if request.url.query else ""
    return local_path(f"{request.url.path}{query}")
