"""The bytes of files, from files."""

import base64
from collections.abc import Sequence

from shared.contracts.http import files as contract
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
        request = contract.ContentsRequest(sha256=asked)
        answer = await self._client.fetch(
            contract.Contents, "POST", "/internal/contents", body=request
        )
        if asked and not answer.root:
            raise ServiceAway
        return {
            sha256: None if content is None else base64.b64decode(content)
            for sha256, content in answer.root.items()
        }
