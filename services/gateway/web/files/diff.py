"""The diff of two versions of a file."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request, Response

from services.gateway.dependencies import Files
from services.gateway.identity.sessions import WebUser
from services.gateway.source_view.diff_table import pairs, unified
from services.gateway.web.forms import see_other
from services.gateway.web.rendering import Pages
from shared.web.numbers import VersionNumber
from shared.web.routes import Router

router = Router(include_in_schema=False)
Chosen = Annotated[list[VersionNumber], Query(max_length=1000)]


@router.get("/files/{file_id}/diff")
async def diff(
    request: Request,
    user: WebUser,
    pages: Pages,
    files: Files,
    file_id: UUID,
    v: Chosen = [],  # noqa: B006 - FastAPI copies it
    from_: Annotated[VersionNumber | None, Query(alias="from")] = None,
    to: VersionNumber | None = None,
    view: Literal["unified", "split"] = "unified",
) -> Response:
    """The versions are `from` and `to`, or the two ticked checkboxes `v`."""
    numbers = sorted({*v, *(n for n in (from_, to) if n)}) if v else [from_, to]
    if len(numbers) != 2 or None in numbers:  # noqa: PLR2004
        return see_other(f"/files/{file_id}", notice="choose_two")
    old, new = numbers
    file, found = await asyncio.gather(
        files.file(user, file_id), files.diff(user, file_id, old or 1, new or 1)
    )
    return await asyncio.to_thread(  # thousands of lines take long
        pages.render,
        request,
        "diff.html",
        file=file,
        diff=found,
        old=old,
        new=new,
        view=view,
        unified=unified,
        pairs=pairs,
    )
