"""The report of one check. Mails link to it."""

import asyncio
from uuid import UUID

from fastapi import Request, Response

from services.gateway.clients import FilesClient
from services.gateway.clients.optional import if_possible
from services.gateway.dependencies import Files, Highlighter, Reports
from services.gateway.identity.sessions import WebUser
from services.gateway.source_view.excerpts import Excerpt, excerpts
from services.gateway.source_view.highlighting import SourceHighlighter
from services.gateway.web.rendering import Pages
from shared import source_text
from shared.contracts.http.reports import Report
from shared.web.identity import User
from shared.web.routes import Router

router = Router(include_in_schema=False)
TIERS = ("blocker", "warning", "note")


@router.get("/checks/{check_id}")
async def report(
    request: Request,
    user: WebUser,
    pages: Pages,
    reports: Reports,
    files: Files,
    highlighter: Highlighter,
    check_id: UUID,
) -> Response:
    check = await reports.check(user, check_id)
    frames, current = await asyncio.gather(
        _excerpts(request, user, files, highlighter, check),
        if_possible(reports.file(user, check.file_id)),
    )
    shown = list(zip(check.findings, frames, strict=True))
    by_tier = {tier: [pair for pair in shown if pair[0].tier == tier] for tier in TIERS}
    return await asyncio.to_thread(  # hundreds of excerpts take long
        pages.render, request, "report.html", check=check, by_tier=by_tier, current=current
    )


async def _excerpts(
    request: Request, user: User, files: FilesClient, highlighter: SourceHighlighter, check: Report
) -> list[Excerpt | None]:
    """Excerpts of the code; none if its content is unavailable."""
    nothing: list[Excerpt | None] = [None] * len(check.findings)
    if not check.findings:
        return nothing
    found = await if_possible(files.content(user, check.file_id, check.version))
    if found is None:
        return nothing
    text = await asyncio.to_thread(source_text.shown, found.content)
    highlights = await highlighter.highlights(request, user.user_id, text)
    return await asyncio.to_thread(excerpts, text, highlights, check.findings)
