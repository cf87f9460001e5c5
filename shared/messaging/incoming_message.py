"""What a consumer needs of a message, however it arrived."""

from collections.abc import Awaitable
from typing import Any, Protocol


class IncomingMessage(Protocol):
    """A message, whichever way it came; acknowledged once nothing is left to do about it."""

    @property
    def body(self) -> bytes: ...

    @property
    def body_size(self) -> int: ...

    @property
    def content_type(self) -> str | None: ...

    @property
    def message_id(self) -> str | None: ...

    @property
    def type(self) -> str | None: ...

    def ack(self) -> Awaitable[Any]: ...
