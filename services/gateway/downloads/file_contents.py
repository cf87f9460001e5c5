"""The versions of many files with their content, in pages."""

from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from services.gateway.clients import FilesClient
from services.gateway.identity.renewing_user import RenewingUser

FILES_PER_CALL = 50


async def stored_versions(
    files: FilesClient, bearer: RenewingUser, ids: Sequence[str], *, last: bool = False
) -> AsyncIterator[list[dict[str, Any]]]:
    """The versions of each file, newest first; with `last` only the newest.

    Files erased meanwhile are left out. `content` is bytes, or None if it was erased.
    """
    for start in range(0, len(ids), FILES_PER_CALL):
        left, before = ids[start : start + FILES_PER_CALL], None
        while left:
            call = partial(files.stored_versions, files=left, before=before, last=last)
            page = await bearer.call(call)
            yield [{**one, "content": _decoded(one["content"])} for one in page.versions]
            if not page.more:
                break
            end = page.versions[-1]
            left = left[left.index(end["file_id"]) + last :]
            before = None if last else end["version"]


def _decoded(content: str | None) -> bytes | None:
    return None if content is None else b64decode(content)
