"""Waiting for what is away, without letting go of messages at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.errors import Unavailable
from shared.logging import log
from shared.messaging.judgement import may_be_to_blame

PATIENCE = 10.0  # seconds to hold messages that have to wait before the broker gets them back
PAUSES = (0.5, 1.0)  # seconds between tries meanwhile; the last again and again
T = TypeVar("T")


class Waiting:
    """Tries again what failed for reasons that no message is to blame for."""

    def __init__(self, service: str, is_worth_it: Callable[[], bool]) -> None:
        """`is_worth_it` tells whether the messages are still ours to hold."""
        self._service, self._is_worth_it = service, is_worth_it
        self.trouble: Exception | None = None  # why nothing is handled at the moment

    async def for_success(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until nothing stands in the way; after a while raise what does."""
        pauses, end = list(PAUSES), time.monotonic() + PATIENCE
        while True:
            try:
                return await attempt()
            except Exception as error:
                if may_be_to_blame(error):
                    raise
                self.trouble = error
                reason = error.code if isinstance(error, Unavailable) else type(error).__name__
                log.warning("consumer_waits", consumer=self._service, reason=reason)
                if not self._is_worth_it() or time.monotonic() > end:
                    raise
            await asyncio.sleep(pauses[0] if len(pauses) == 1 else pauses.pop(0))
