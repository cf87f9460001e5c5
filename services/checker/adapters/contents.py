"""The bytes of files, from files."""

import base64
from collections.abc import Sequence

from shared.web.client import ServiceAway, ServiceClient


class Contents:
    """Fetches contents by sha256."""

    def __init__(self, client: ServiceClient) -> None:
        """Take a client of files."""
        self._client = client

    async def fetch(self, wanted: Sequence[str]) -> dict[str, bytes | None]:
        """The first of the wanted contents that fit in one answer; None for one that is gone.

        Raises:
            ServiceAway: files does not answer, or nothing of what was asked.
        """
        asked = list(dict.fromkeys(wanted))
        answer = await self._client.call("POST", "/internal/contents", {"sha256": asked})
        if asked and not answer:
            raise ServiceAway
        return {
            sha256: None if content is None else base64.b64decode(content)
            for sha256, content in answer.items()
        }
