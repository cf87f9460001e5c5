"""The versions of many files with their bytes, page after page."""

from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from services.gateway.clients import FilesClient
from services.gateway.identity.renewing_user import RenewingUser

FILES_PER_CALL = 50  # files asked for in one call


async def stored_versions(
    files: FilesClient, bearer: RenewingUser, ids: Sequence[str], *, last: bool = False
) -> AsyncIterator[list[dict[str, Any]]]:
    """Of each file the newest version first, or with `last` only that one.

    What is erased meanwhile is left out. `content` becomes bytes, or stays empty where they are
    gone.
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
