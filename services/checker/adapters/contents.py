"""The contents of files, from the files service."""

import base64
from collections.abc import Sequence

from shared.contracts.http import files as contract
from shared.web.client import ServiceClient, ServiceUnavailable


class HttpContents:
    """Implements `Contents` of the domain with a call of the files service."""

    def __init__(self, client: ServiceClient) -> None:
        """Take a client of files."""
        self._client = client

    async def fetch(self, wanted: Sequence[str]) -> dict[str, bytes | None]:
        unique = list(dict.fromkeys(wanted))
        request = contract.ContentsRequest(sha256=unique)
        response = await self._client.fetch(
            contract.Contents, "POST", "/internal/contents", body=request
        )
        if unique and not response.root:
            raise ServiceUnavailable
        return {
            sha256: None if content is None else base64.b64decode(content)
            for sha256, content in response.root.items()
        }
