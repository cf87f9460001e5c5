"""Forms without files, and redirects."""

import re
from urllib.parse import parse_qs, quote, urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse

from services.gateway.errors import TooManyParts, UnsupportedMediaType
from shared.errors import Invalid
from shared.web.routes import Router

MAX_FIELDS = 20
_NUMBER = re.compile("[1-9][0-9]{0,8}")


async def fields(request: Request, *names: str) -> list[str]:
    """The values of text fields; a missing one is empty."""
    form = await _form(request)
    return [form.get(name, [""])[-1] for name in names]


async def chosen(request: Request, name: str) -> list[str]:
    """The values of ticked checkboxes."""
    form = await _form(request)
    return form.get(name, [])


async def _form(request: Request) -> dict[str, list[str]]:
    """The fields of an `application/x-www-form-urlencoded` body, parsed once per request.

    Raises `UnsupportedMediaType` for other types, `TooManyParts`, `Invalid` if it is not UTF-8.
    """
    if not hasattr(request.state, "form"):
        if not _is_form(request):
            raise UnsupportedMediaType
        request.state.form = _parsed(await request.body())
    form: dict[str, list[str]] = request.state.form
    return form


def _parsed(body: bytes) -> dict[str, list[str]]:
    if body.count(b"&") >= MAX_FIELDS:
        raise TooManyParts
    try:
        return parse_qs(body.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise Invalid from None


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    packed = request.headers.get("content-encoding", "identity") != "identity"
    return kind == "application/x-www-form-urlencoded" and not packed


def number(text: str) -> int:
    """The version number of a hidden field; raises `Invalid` for anything else."""
    if not _NUMBER.fullmatch(text):
        raise Invalid
    return int(text)


def redirect_get_to(router: Router, path: str, page: str) -> None:
    """Redirect a GET of a form's URL, which takes only POST, to the page with the form.

    A refused form is shown under its own URL, which users reload and bookmark.
    """

    @router.get(path)
    async def open_page(request: Request) -> RedirectResponse:
        parts = {name: quote(str(part), safe="") for name, part in request.path_params.items()}
        return see_other(page.format(**parts))


def see_other(path: str, **query: object) -> RedirectResponse:
    """Redirect to `path` after a POST (303)."""
    encoded = urlencode({name: value for name, value in query.items() if value})
    return RedirectResponse(f"{path}?{encoded}" if encoded else path, 303)
