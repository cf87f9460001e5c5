"""The page of a version conflict, with the other version, the diff and the submitted text."""

import asyncio
import codecs
from typing import Any

from fastapi import Request, Response

from services.gateway.clients import FilesClient
from services.gateway.source_view import text_editing
from services.gateway.source_view.diff_table import unified
from services.gateway.web.rendering import PageRenderer
from shared.contracts.http.files import Diff
from shared.errors import DomainError
from shared.web.identity import User

_STATUS = 412


def is_conflict(error: DomainError) -> bool:
    return error.status == _STATUS


async def show_conflict(
    request: Request,
    pages: PageRenderer,
    files: FilesClient,
    user: User,
    form_values: dict[str, Any],
    content: bytes,
) -> Response:
    """`form_values`: `file_id`, `name`, `version`, optionally `text`; `content` was submitted."""
    now = await files.file(user, form_values["file_id"])
    text = form_values.get("text")
    if text is None:
        text = await asyncio.to_thread(text_editing.shown, content)
    return await asyncio.to_thread(  # thousands of lines take long
        pages.render,
        request,
        "conflict.html",
        _STATUS,
        **{**form_values, "text": text},
        now=now,
        diff=await _diff(files, user, form_values, now.version, content),
        ends=await asyncio.to_thread(text_editing.sample, content),
        bom=content.startswith(codecs.BOM_UTF8),
        unified=unified,
    )


async def _diff(
    files: FilesClient, user: User, form_values: dict[str, Any], current: int, content: bytes
) -> Diff | None:
    """None if files can't compare them, for example because the content is not text."""
    try:
        return await files.diff_with(user, form_values["file_id"], current, content)
    except DomainError:
        return None
