"""Retries what failed for reasons that no message is to blame for, while messages are held."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.errors import Unavailable
from shared.logging import log
from shared.messaging.error_classification import may_be_message_fault

GIVE_UP_AFTER = 10.0  # seconds to hold messages before the broker gets them back
PAUSES = (0.5, 1.0)  # seconds between attempts; the last one again and again
T = TypeVar("T")


class TransientRetry:
    """Runs an attempt again until it succeeds, fails by the message's fault, or time is up."""

    def __init__(
        self,
        service: str,
        holds_messages: Callable[[], bool],
        give_up_after: float = GIVE_UP_AFTER,
    ) -> None:
        """`holds_messages` says whether the messages are ours to hold any longer."""
        self._service, self._holds_messages = service, holds_messages
        self._give_up_after = give_up_after
        self.last_error: Exception | None = None  # why nothing is handled at the moment

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what the attempt returns; raise its error after `give_up_after` seconds."""
        pauses, end = list(PAUSES), time.monotonic() + self._give_up_after
        while True:
            try:
                return await attempt()
            except Exception as error:
                if may_be_message_fault(error):
                    raise
                self.last_error = error
                reason = error.code if isinstance(error, Unavailable) else type(error).__name__
                log.warning("consumer_retries", consumer=self._service, reason=reason)
                if not self._holds_messages() or time.monotonic() > end:
                    raise
            await asyncio.sleep(pauses[0] if len(pauses) == 1 else pauses.pop(0))
