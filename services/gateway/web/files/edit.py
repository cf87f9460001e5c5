"""Editing a file in the browser. After any error, the form still contains the text."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.gateway.clients import FilesClient
from services.gateway.clients.files import Saved
from services.gateway.dependencies import Files, Settings
from services.gateway.errors import FileTooLarge, UploadInvalid
from services.gateway.identity.sessions import OptionalUser, WebUser
from services.gateway.source_view import text_editing
from services.gateway.uploads import forms
from services.gateway.web.files.conflict import is_conflict, show_conflict
from services.gateway.web.forms import number, see_other
from services.gateway.web.rendering import Pages
from shared import source_text
from shared.errors import DomainError, Unauthenticated
from shared.web.identity import User
from shared.web.numbers import VersionNumber
from shared.web.routes import Router

router = Router(include_in_schema=False)


@router.get("/files/{file_id}/edit")
async def edit(
    request: Request, user: WebUser, pages: Pages, files: Files, file_id: UUID
) -> Response:
    file, found = await asyncio.gather(files.file(user, file_id), files.content(user, file_id))
    if file.mark == "deleted":
        return see_other(f"/files/{file_id}")
    text = await asyncio.to_thread(text_editing.shown, found.content)
    form_values: dict[str, Any] = {
        "file_id": file_id,
        "name": found.name,
        "version": found.version,
        "text": text,
    }
    return await asyncio.to_thread(pages.render, request, "edit.html", **form_values)


@router.get("/files/{file_id}/newer")
async def newer(
    request: Request,
    user: WebUser,
    pages: Pages,
    files: Files,
    file_id: UUID,
    than: VersionNumber,
) -> Response:
    """A fragment for an open form that says whether there is a newer version."""
    return pages.render(request, "newer.html", file=await files.file(user, file_id), version=than)


@router.post("/files/{file_id}/edit", max_body_size=forms.MAX_BODY)
async def save(
    request: Request,
    user: OptionalUser,
    pages: Pages,
    files: Files,
    settings: Settings,
    file_id: UUID,
) -> Response:
    """Save the text as the next version."""
    limit = settings.max_file_bytes
    sent = await forms.read_form(request, text=2 * limit + forms.MAX_FIELD)  # browsers send CR LF
    name, text = sent.text("name"), await asyncio.to_thread(source_text.with_lf, sent.text("text"))
    form_values: dict[str, Any] = {"file_id": file_id, "name": name, "text": text}
    form_values["version"] = sent.text("version")
    content = b""
    try:
        if user is None:
            raise Unauthenticated
        form_values["version"] = version = number(sent.text("version"))
        if "text" not in sent.fields:  # incomplete, not emptied
            raise UploadInvalid
        content = await _content(user, files, file_id, version, sent, limit)
        saved = await files.replace(user, file_id, name, content, if_version=version)
    except DomainError as error:
        if user is not None and is_conflict(error):
            return await show_conflict(request, pages, files, user, form_values, content)
        form_values |= {"ends": sent.text("ends"), "bom": sent.text("bom")}
        form_values |= {"error": pages.explain(request, error), "code": error.code}
        form_values["taken"] = error.params.get("file_id")
        return await asyncio.to_thread(
            pages.render, request, "edit.html", error.status, **form_values
        )
    return _after(file_id, saved)


async def _content(
    user: User, files: FilesClient, file_id: UUID, version: int, sent: forms.FormData, limit: int
) -> bytes:
    """The text as bytes, with the encoding and line ends of the version that was edited."""
    if ends := sent.text("ends"):
        like = text_editing.like_sample(ends, mark=bool(sent.text("bom")))
    else:
        like = (await files.content(user, file_id, version)).content
    content = await asyncio.to_thread(text_editing.written, sent.text("text"), like)
    if len(content) > limit:
        raise FileTooLarge(limit=limit)
    return content


def _after(file_id: UUID, saved: Saved) -> Response:
    notice = "unchanged_text" if saved.unchanged else "replaced"
    return see_other(f"/files/{file_id}", after=saved.event_id, notice=notice)
