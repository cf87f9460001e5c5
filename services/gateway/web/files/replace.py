"""Replacing a file by an upload."""

from uuid import UUID

from fastapi import Request, Response

from services.gateway.dependencies import Files, Settings
from services.gateway.errors import FileMissing
from services.gateway.identity.sessions import WebUser
from services.gateway.uploads import forms
from services.gateway.web.files.conflict import is_conflict, show_conflict
from services.gateway.web.forms import number, see_other
from services.gateway.web.rendering import Pages
from shared.errors import DomainError, Unauthenticated
from shared.web.routes import Router

router = Router(include_in_schema=False)


@router.get("/files/{file_id}/change")
async def change(
    request: Request, user: WebUser, pages: Pages, files: Files, file_id: UUID
) -> Response:
    found = await files.file(user, file_id)
    if found.mark == "deleted":
        return see_other(f"/files/{file_id}")
    return pages.render(request, "change.html", file=found, keep_name=True, version=found.version)


@router.post("/files/{file_id}/change", max_body_size=forms.MAX_BODY)
async def replace(
    request: Request,
    user: WebUser,
    pages: Pages,
    files: Files,
    settings: Settings,
    file_id: UUID,
) -> Response:
    """The form is read into memory, so that a conflict can show its content."""
    current = await files.file(user, file_id)
    sent, version, name, content = forms.FormData(), None, current.name, b""
    try:
        sent = await forms.read_form(request, file=settings.max_file_bytes)
        version, content = number(sent.text("version")), sent.fields.get("file", b"")
        name = _name(sent, current.name)
        saved = await files.replace(user, file_id, name, content, if_version=version)
    except Unauthenticated:
        raise
    except DomainError as error:
        if is_conflict(error):
            form_values = {"file_id": file_id, "name": name, "version": version}
            return await show_conflict(request, pages, files, user, form_values, content)
        return pages.render(
            request,
            "change.html",
            error.status,
            file=current,
            version=version or current.version,
            keep_name=_keeps_name(sent),
            error=pages.explain(request, error),
            taken=error.params.get("file_id"),
        )
    notice = "unchanged" if saved.unchanged else "replaced"
    return see_other("/", after=saved.event_id, notice=notice)


def _keeps_name(sent: forms.FormData) -> bool:
    return sent.fields.get("name") != b"new"


def _name(sent: forms.FormData, current: str) -> str:
    if "file" not in sent.names:
        raise FileMissing
    return current if _keeps_name(sent) else sent.names["file"]
