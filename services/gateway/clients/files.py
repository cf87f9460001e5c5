"""What the gateway asks of files."""

from dataclasses import dataclass
from urllib.parse import unquote
from uuid import UUID

from services.gateway.calls import Service
from services.gateway.models import Saved
from shared.web.identity import User


@dataclass(frozen=True)
class Content:
    """The bytes of a version."""

    name: str
    version: int
    content: bytes


class Files(Service):
    """Commands on files, and their bytes."""

    async def upload(self, user: User, name: str, content: bytes) -> Saved:
        answer = await self.as_user(
            user, "POST", "/internal/files", params={"name": name}, content=content
        )
        return Saved.model_validate_json(answer.content)

    async def replace(self, user: User, file_id: UUID, name: str, content: bytes) -> Saved:
        path = f"/internal/files/{file_id}/content"
        answer = await self.as_user(user, "PUT", path, params={"name": name}, content=content)
        return Saved.model_validate_json(answer.content)

    async def delete(self, user: User, file_id: UUID) -> Saved:
        answer = await self.as_user(user, "DELETE", f"/internal/files/{file_id}")
        return Saved.model_validate_json(answer.content)

    async def content(self, user: User, file_id: UUID, version: int | None = None) -> Content:
        path = f"/internal/files/{file_id}/content"
        answer = await self.as_user(user, "GET", path, params={"version": version})
        name = unquote(answer.headers["X-File-Name"])
        return Content(name, int(answer.headers["X-File-Version"]), answer.content)
