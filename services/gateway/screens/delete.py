"""Delete a file, after a question."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.gateway.provision import Files, Pages, Reports
from services.gateway.screens.forms import go
from services.gateway.sessions import WebUser

router = APIRouter(include_in_schema=False)


@router.get("/files/{file_id}/delete")
async def confirm(
    request: Request, user: WebUser, pages: Pages, reports: Reports, file_id: UUID
) -> Response:
    return pages.render(request, "delete.html", file=await reports.file(user, file_id))


@router.post("/files/{file_id}/delete")
async def delete(user: WebUser, files: Files, file_id: UUID) -> Response:
    deleted = await files.delete(user, file_id)
    return go("/", after=deleted.event_id, notice="deleted")
