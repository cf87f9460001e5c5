"""Several events of one kind as one message: CloudEvents' JSON batch format.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#4-json-batch-format
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any
from uuid import UUID

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from pydantic_core import from_json

from shared.ids import new_id
from shared.messaging.envelope import CONTENT_TYPE, event_name

CONTENT_TYPE_OF_BATCH = "application/cloudevents-batch+json"
BATCH_BYTES = 256 * 1024  # of a message with several events
BATCH_EVENTS = 100
LARGEST = BATCH_BYTES + 2  # with its brackets


def joined(messages: Sequence[Message]) -> Message:
    """One message for several of one event each, all of the same type."""
    return Message(
        b"[" + b",".join(message.body for message in messages) + b"]",
        content_type=CONTENT_TYPE_OF_BATCH,
        message_id=str(new_id()),
        type=messages[0].type,
        timestamp=messages[-1].timestamp,
        delivery_mode=DeliveryMode.PERSISTENT,
    )


class _Whole:
    """A message that is acknowledged once all events in it are."""

    def __init__(self, message: AbstractIncomingMessage, events: int) -> None:
        self._message, self._left = message, events

    async def ack(self) -> None:
        self._left -= 1
        if not self._left:
            await self._message.ack()


class Part:
    """One event of a message, as if it had come in a message of its own (`reading.Arrived`)."""

    content_type = CONTENT_TYPE

    def __init__(self, whole: _Whole, fields: dict[str, Any], size: int) -> None:
        self.fields, self.body_size = fields, size
        self._whole, self._is_acknowledged = whole, False

    @cached_property
    def body(self) -> bytes:
        return json.dumps(self.fields, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def message_id(self) -> str | None:
        """None for what is no id: what a body has may be too long, or not to be logged."""
        with suppress(ValueError):
            return str(UUID(str(self.fields.get("id"))))
        return None

    @property
    def type(self) -> str | None:
        return event_name(str(self.fields.get("type")))

    async def ack(self) -> None:
        if not self._is_acknowledged:
            self._is_acknowledged = True
            await self._whole.ack()


def opened(message: AbstractIncomingMessage) -> Sequence[AbstractIncomingMessage | Part]:
    """The events in a message; the message itself where it holds one, or is no readable batch."""
    if message.content_type != CONTENT_TYPE_OF_BATCH or message.body_size > LARGEST:
        return [message]
    try:
        events = from_json(message.body)
    except ValueError:
        return [message]
    if not _is_batch(events):
        return [message]
    whole, size = _Whole(message, len(events)), message.body_size // len(events)
    return [Part(whole, fields, size) for fields in events]


def _is_batch(events: object) -> bool:
    """Whether it is a batch as we make them; what holds too many is laid aside as a whole."""
    if not isinstance(events, list) or not 0 < len(events) <= BATCH_EVENTS:
        return False
    return all(isinstance(fields, dict) for fields in events)
