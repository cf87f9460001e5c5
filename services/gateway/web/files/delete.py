"""Deleting a file, after a confirmation."""

from uuid import UUID

from fastapi import Request, Response

from services.gateway.dependencies import Files
from services.gateway.identity.sessions import WebUser
from services.gateway.web.files.conflict import is_conflict
from services.gateway.web.forms import fields, number, see_other
from services.gateway.web.rendering import Pages
from shared.errors import DomainError
from shared.web.routes import Router

router = Router(include_in_schema=False)


@router.get("/files/{file_id}/delete")
async def confirm(
    request: Request, user: WebUser, pages: Pages, files: Files, file_id: UUID
) -> Response:
    found = await files.file(user, file_id)
    if found.mark == "deleted":
        return see_other(f"/files/{file_id}")
    return pages.render(request, "delete.html", file=found)


@router.post("/files/{file_id}/delete")
async def delete(
    request: Request, user: WebUser, pages: Pages, files: Files, file_id: UUID
) -> Response:
    """Delete the version that was shown; if there is a newer one, ask again."""
    (version,) = await fields(request, "version")
    try:
        deleted = await files.delete(user, file_id, number(version))
    except DomainError as error:
        if not is_conflict(error):
            raise
        found = await files.file(user, file_id)
        sentence = pages.explain(request, error)
        return pages.render(request, "delete.html", error.status, file=found, error=sentence)
    return see_other("/", after=deleted.event_id, notice="deleted")
