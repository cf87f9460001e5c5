"""The versions of many files with their bytes, page after page."""

from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from services.gateway.clients import FilesClient
from services.gateway.identity.renewing_user import RenewingUser

AT_ONCE = 50  # files asked for in one call


async def stored(
    files: FilesClient, bearer: RenewingUser, ids: Sequence[str], *, last: bool = False
) -> AsyncIterator[list[dict[str, Any]]]:
    """Of each file the newest version first, or with `last` only that one.

    What is erased meanwhile is left out. `content` becomes bytes, or stays empty where they are
    gone.
    """
    for start in range(0, len(ids), AT_ONCE):
        left, before = ids[start : start + AT_ONCE], None
        while left:
            ask = partial(files.stored, files=left, before=before, last=last)
            page = await bearer.ask(ask)
            yield [{**one, "content": _bytes(one["content"])} for one in page.versions]
            if not page.more:
                break
            end = page.versions[-1]
            left = left[left.index(end["file_id"]) + last :]
            before = None if last else end["version"]


def _bytes(content: str | None) -> bytes | None:
    return None if content is None else b64decode(content)
