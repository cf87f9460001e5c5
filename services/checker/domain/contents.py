"""What the checker needs of the files service."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Contents(Protocol):
    """Fetches the contents of files by their SHA-256."""

    async def fetch(self, wanted: Sequence[str]) -> Mapping[str, bytes | None]:
        """The first of the wanted contents that fit in one response; None for one that is gone.

        Raises:
            ServiceUnavailable: files does not answer, or its response has none of them.
        """
        ...
