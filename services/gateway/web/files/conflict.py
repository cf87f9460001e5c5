"""Somebody was faster: what they saved, what yours would change, and nothing of it lost."""

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
    """`kept` are `file_id`, `name`, `version` and perhaps `text`; `content` is what was sent."""
    now = await files.file(user, form_values["file_id"])
    text = form_values.get("text")
    if text is None:
        text = await asyncio.to_thread(text_editing.shown, content)
    return await asyncio.to_thread(  # thousands of lines take a while
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
    """None when files can't compare, for instance because what was sent is no text."""
    try:
        return await files.diff_with(user, form_values["file_id"], current, content)
    except DomainError:
        return None
