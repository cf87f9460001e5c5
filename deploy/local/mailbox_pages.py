"""The mailbox's pages, and the same as JSON."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException
from xstatic.pkg import bootstrap

from deploy.local.mail_store import Mail, MailStore
from shared.contracts.auth import Language
from shared.i18n.formats import date_time

PAGE = 100  # mails
FOLDER = Path(__file__).parent / "templates"
BOOTSTRAP = Path(bootstrap.BASE_DIR) / "css" / "bootstrap.min.css"
WORDS: dict[str, dict[str, str]] = json.loads((FOLDER / "words.json").read_text("utf-8"))
# A mail's own HTML: no scripts, nothing from the network; its links open in a tab of their own.
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
MAIL_POLICY = (
    f"sandbox {SANDBOX}; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'"
)
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
_CAREFUL = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]]")

router = APIRouter()


def _store(request: Request) -> MailStore:
    store: MailStore = request.app.state.store
    return store


Store = Annotated[MailStore, Depends(_store)]


@router.get("/")
def list_mails(request: Request, store: Store, before: str | None = None) -> Response:
    mails = store.newest(PAGE + 1, before)
    older = mails[PAGE - 1].id if len(mails) > PAGE else None
    return _page(request, "mails.html", mails=mails[:PAGE], older=older)


@router.get("/messages/{mail_id}")
def show_mail(request: Request, store: Store, mail_id: str) -> Response:
    return _page(request, "mail.html", mail=_found(store, mail_id), sandbox=SANDBOX)


@router.get("/messages/{mail_id}/html")
def show_html(store: Store, mail_id: str) -> Response:
    html = f'<base target="_blank">{_found(store, mail_id).html}'
    return HTMLResponse(html, headers={"Content-Security-Policy": MAIL_POLICY, **_CAREFUL})


@router.get("/messages/{mail_id}/source")
def download_source(store: Store, mail_id: str) -> Response:
    mail = _found(store, mail_id)
    name = f'attachment; filename="{mail.id}.eml"'
    return Response(mail.content, 200, {"Content-Disposition": name, **_CAREFUL}, "message/rfc822")


@router.get("/api/messages")
def list_as_json(store: Store, limit: Annotated[int, Query(ge=1, le=1000)] = PAGE) -> Response:
    """Newest first."""
    return JSONResponse([_summary(mail) for mail in store.newest(limit)])


@router.get("/api/messages/{mail_id}")
def show_as_json(store: Store, mail_id: str) -> Response:
    mail = _found(store, mail_id)
    bodies = {"text": mail.text, "html": mail.html}
    return JSONResponse({**_summary(mail), "headers": mail.headers, **bodies})


@router.get("/static/bootstrap.css")
def bootstrap_css() -> Response:
    return FileResponse(BOOTSTRAP, media_type="text/css")


@router.get("/static/mailbox.css")
def mailbox_css() -> Response:
    css = _dark_theme() + (FOLDER / "mailbox.css").read_text("utf-8")
    return Response(css, media_type="text/css")


async def tell_error(request: Request, error: HTTPException) -> Response:
    """A page for somebody who looks for what is not there, JSON for programs."""
    wants_page = "text/html" in request.headers.get("accept", "")
    if error.status_code == 404 and wants_page and not request.url.path.startswith("/api/"):  # noqa: PLR2004
        return _page(request, "not_found.html", 404)
    return await http_exception_handler(request, error)


def language_of(accept_language: str) -> str:
    """The language of ours that the header prefers (RFC 9110, 12.5.4); English otherwise."""
    for _, tag in sorted(map(_weighed, accept_language.split(",")), key=lambda pair: -pair[0]):
        if tag in WORDS:
            return tag
    return "en"


def with_links(text: str) -> Markup:
    """The text escaped, its addresses clickable."""
    link = Markup('<a href="{0}" target="_blank" rel="noreferrer">{0}</a>')
    parts, end = [Markup()], 0
    for found in _LINK.finditer(text):
        parts += [escape(text[end : found.start()]), link.format(found[0])]
        end = found.end()
    return Markup().join([*parts, escape(text[end:])])


def in_words(moment: datetime, language: Language) -> str:
    return date_time(language, moment)


def _weighed(item: str) -> tuple[float, str]:
    tag, _, weight = item.strip().lower().partition(";q=")
    try:
        return float(weight or 1), tag.partition("-")[0]
    except ValueError:
        return 0.0, ""


def _found(store: MailStore, mail_id: str) -> Mail:
    mail = store.get(mail_id)
    if mail is None:
        raise HTTPException(404)
    return mail


def _summary(mail: Mail) -> dict[str, Any]:
    return {
        "id": mail.id,
        "received_at": mail.received_at.isoformat(),
        "to": mail.recipients,
        "from": mail.header("From"),
        "subject": mail.header("Subject"),
    }


def _page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    language = language_of(request.headers.get("accept-language", ""))
    html = _TEMPLATES.get_template(template).render(
        language=language, words=WORDS[language], **values
    )
    headers = {"Content-Security-Policy": PAGE_POLICY, "Vary": "Accept-Language", **_CAREFUL}
    return HTMLResponse(html, status, headers)


def _dark_theme() -> str:
    """Bootstrap's dark colours for readers whose system is dark; by itself it wants a script."""
    found = re.search(r"\[data-bs-theme=dark\]\{([^}]*)\}", BOOTSTRAP.read_text("utf-8"))
    colours = found[1] if found else "color-scheme:dark"
    return f"@media (prefers-color-scheme:dark){{:root{{{colours}}}}}\n"


_TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_TEMPLATES.filters["links"] = with_links
_TEMPLATES.filters["in_words"] = in_words
