"""Delete a file, after a question."""

from uuid import UUID

from fastapi import Request, Response

from services.gateway.provision import Files, Pages
from services.gateway.screens.conflict import is_conflict
from services.gateway.screens.forms import fields, go, number
from services.gateway.sessions import WebUser
from shared.errors import DomainError
from shared.web.routes import Router

router = Router(include_in_schema=False)


@router.get("/files/{file_id}/delete")
async def confirm(
    request: Request, user: WebUser, pages: Pages, files: Files, file_id: UUID
) -> Response:
    found = await files.file(user, file_id)
    if found.mark == "deleted":
        return go(f"/files/{file_id}")
    return pages.render(request, "delete.html", file=found)


@router.post("/files/{file_id}/delete")
async def delete(
    request: Request, user: WebUser, pages: Pages, files: Files, file_id: UUID
) -> Response:
    """The version that was shown is deleted; of a newer one the question is put again."""
    (version,) = await fields(request, "version")
    try:
        deleted = await files.delete(user, file_id, number(version))
    except DomainError as error:
        if not is_conflict(error):
            raise
        found = await files.file(user, file_id)
        told = pages.explain(request, error)
        return pages.render(request, "delete.html", error.status, file=found, error=told)
    return go("/", after=deleted.event_id, notice="deleted")
