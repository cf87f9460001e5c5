"""The client of files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote
from uuid import UUID, uuid4

import httpx2
from pydantic import Field
from pydantic_core import from_json

from shared.contracts.http import files as contract
from shared.contracts.http.files import Diff, StoredFile, VersionPage, VersionsRequest
from shared.web.client import ServiceClient, body, read
from shared.web.files_state import FILES_STATE
from shared.web.identity import User
from shared.web.retries import Bytes

DIFF_TIMEOUT = httpx2.Timeout(10.0, connect=2.0)  # seconds; the slowest diffs take some


class Saved(contract.Saved):
    """The file after a command; `replayed` if the response repeats an earlier one."""

    replayed: bool = False


class Limits(contract.Limits):
    """Limits of a user, and the state of their files."""

    files_state: str = Field("", exclude=True, description="see `shared.web.files_state`")


@dataclass(frozen=True)
class Content:
    """The bytes of a version."""

    name: str
    version: int
    content: bytes


class StoredPage(NamedTuple):
    """Versions as JSON objects, their `content` in base64; `more` if others follow."""

    versions: list[dict[str, Any]]
    more: bool


class FilesClient(ServiceClient):
    """Commands on files, their versions and bytes.

    With `if_version` a command is refused (412 `version_conflict`) if the file has another
    version. Every command has an idempotency key, so that it can be sent again after a failure
    and takes effect once; the `key` of an earlier call returns that call's response.
    """

    async def upload(
        self,
        user: User,
        name: str,
        content: Bytes,
        key: str | None = None,
        *,
        replace: bool = False,
    ) -> Saved:
        """With `replace`, a file of this name gets the content as its next version."""
        answer = await self.as_user(
            user,
            "POST",
            "/internal/files",
            params={"name": name, "replace": "true" if replace else None},
            content=content,
            headers=_idempotency(key),
            repeats=True,
        )
        return _saved(answer, key)

    async def replace(
        self,
        user: User,
        file_id: UUID,
        name: str,
        content: Bytes,
        *,
        if_version: int | None = None,
        key: str | None = None,
    ) -> Saved:
        answer = await self.as_user(
            user,
            "PUT",
            f"/internal/files/{file_id}/content",
            params={"name": name, "if_version": if_version},
            content=content,
            headers=_idempotency(key),
            repeats=True,
        )
        return _saved(answer, key)

    async def delete(self, user: User, file_id: UUID, if_version: int | None = None) -> Saved:
        path, params = f"/internal/files/{file_id}", {"if_version": if_version}
        answer = await self.as_user(
            user, "DELETE", path, params=params, headers=_idempotency(), repeats=True
        )
        return _saved(answer)

    async def restore(self, user: User, file_id: UUID) -> Saved:
        path = f"/internal/files/{file_id}/restore"
        answer = await self.as_user(user, "POST", path, headers=_idempotency(), repeats=True)
        return _saved(answer)

    async def content(self, user: User, file_id: UUID, version: int | None = None) -> Content:
        path = f"/internal/files/{file_id}/content"
        answer = await self.as_user(user, "GET", path, params={"version": version})
        name = unquote(answer.headers["X-File-Name"])
        return Content(name, int(answer.headers["X-File-Version"]), answer.content)

    async def stored_versions(
        self, user: User, files: Sequence[str], before: int | None = None, *, last: bool = False
    ) -> StoredPage:
        """Versions of files with their content: all below `before`, or the last of each file."""
        start = {} if before is None else {"before": before}
        selection = body(VersionsRequest, files=[UUID(one) for one in files], last=last, **start)
        answer = await self.as_user(user, "POST", "/internal/versions", body=selection, asks=True)
        return StoredPage(**from_json(answer.content))

    async def file(self, user: User, file_id: UUID) -> StoredFile:
        answer = await self.as_user(user, "GET", f"/internal/files/{file_id}")
        return read(StoredFile, answer)

    async def versions(
        self, user: User, file_id: UUID, before: int | None = None, limit: int = 50
    ) -> VersionPage:
        path, params = f"/internal/files/{file_id}/versions", {"before": before, "limit": limit}
        answer = await self.as_user(user, "GET", path, params=params, timeout=DIFF_TIMEOUT)
        return read(VersionPage, answer)

    async def diff(self, user: User, file_id: UUID, old: int, new: int) -> Diff:
        path, params = f"/internal/files/{file_id}/diff", {"from": old, "to": new}
        answer = await self.as_user(user, "GET", path, params=params, timeout=DIFF_TIMEOUT)
        return read(Diff, answer)

    async def patch(self, user: User, file_id: UUID, old: int, new: int) -> bytes:
        path, params = f"/internal/files/{file_id}/patch", {"from": old, "to": new}
        answer = await self.as_user(user, "GET", path, params=params, timeout=DIFF_TIMEOUT)
        return answer.content

    async def diff_with(self, user: User, file_id: UUID, old: int, content: bytes) -> Diff:
        """The diff of a stored version and content that is not stored."""
        path, params = f"/internal/files/{file_id}/diff", {"from": old}
        answer = await self.as_user(
            user, "POST", path, params=params, content=content, timeout=DIFF_TIMEOUT, asks=True
        )
        return read(Diff, answer)

    async def limits(self, user: User) -> Limits:
        answer = await self.as_user(user, "GET", "/internal/limits")
        limits = read(Limits, answer)
        limits.files_state = answer.headers.get(FILES_STATE, "")
        return limits


def _idempotency(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4()) if key is None else key}


def _saved(answer: httpx2.Response, key: str | None = None) -> Saved:
    """`replayed` stays False for a generated key, which the caller has never used."""
    saved = read(Saved, answer)
    saved.replayed = key is not None and answer.headers.get("Idempotent-Replayed") == "true"
    return saved
