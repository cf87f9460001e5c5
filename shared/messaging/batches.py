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
from pydantic_core import from_json

from shared.ids import new_id
from shared.messaging.envelope import CONTENT_TYPE, event_name
from shared.messaging.incoming_message import IncomingMessage

BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"
BATCH_BYTES = 256 * 1024  # of a message with several events
BATCH_EVENTS = 100
MAX_BATCH_BYTES = BATCH_BYTES + 2  # with its brackets


def join_messages(messages: Sequence[Message]) -> Message:
    """Join messages with one event each, all of the same type, to a batch."""
    return Message(
        b"[" + b",".join(message.body for message in messages) + b"]",
        content_type=BATCH_CONTENT_TYPE,
        message_id=str(new_id()),
        type=messages[0].type,
        timestamp=messages[-1].timestamp,
        delivery_mode=DeliveryMode.PERSISTENT,
    )


class _BatchAcknowledgement:
    """Acknowledges a batch once all events in it are acknowledged."""

    def __init__(self, message: IncomingMessage, events: int) -> None:
        self._message, self._left = message, events

    async def ack(self) -> None:
        self._left -= 1
        if not self._left:
            await self._message.ack()


class BatchedEvent:
    """One event of a batch, as a message of its own (`IncomingMessage`)."""

    content_type = CONTENT_TYPE

    def __init__(
        self, acknowledgement: _BatchAcknowledgement, fields: dict[str, Any], size: int
    ) -> None:
        self.fields, self.body_size = fields, size
        self._acknowledgement, self._is_acknowledged = acknowledgement, False

    @cached_property
    def body(self) -> bytes:
        return json.dumps(self.fields, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def message_id(self) -> str | None:
        """None where the body holds no UUID: other text may be too long, or secret."""
        with suppress(ValueError):
            return str(UUID(str(self.fields.get("id"))))
        return None

    @property
    def type(self) -> str | None:
        return event_name(str(self.fields.get("type")))

    async def ack(self) -> None:
        if not self._is_acknowledged:
            self._is_acknowledged = True
            await self._acknowledgement.ack()


def split_message(message: IncomingMessage) -> Sequence[IncomingMessage]:
    """The events of a batch; the message itself where it is none, or can't be read."""
    if message.content_type != BATCH_CONTENT_TYPE or message.body_size > MAX_BATCH_BYTES:
        return [message]
    try:
        events = from_json(message.body)
    except ValueError:
        return [message]
    if not _is_batch_of_ours(events):
        return [message]
    acknowledgement, size = (
        _BatchAcknowledgement(message, len(events)),
        message.body_size // len(events),
    )
    return [BatchedEvent(acknowledgement, fields, size) for fields in events]


def _is_batch_of_ours(events: object) -> bool:
    """Whether it is a batch as we make them; a larger one is dead-lettered as a whole."""
    if not isinstance(events, list) or not 0 < len(events) <= BATCH_EVENTS:
        return False
    return all(isinstance(fields, dict) for fields in events)
