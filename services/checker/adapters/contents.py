"""The bytes of files, from files."""

import base64
from collections.abc import Collection

from shared.web.client import ServiceClient


class Contents:
    """Fetches contents by sha256."""

    def __init__(self, client: ServiceClient) -> None:
        """Take a client of files."""
        self._client = client

    async def fetch(self, wanted: Collection[str]) -> dict[str, bytes | None]:
        """All wanted contents, None for those that are gone; in as many calls as it takes."""
        left, found = sorted(set(wanted)), dict[str, bytes | None]()
        while left:
            answer = await self._client.call("POST", "/internal/contents", {"sha256": left})
            found |= {
                sha256: None if content is None else base64.b64decode(content)
                for sha256, content in answer.items()
            }
            left = [sha256 for sha256 in left if sha256 not in answer]
        return found
