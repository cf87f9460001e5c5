"""From a message to the event in it."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Protocol

from shared.eventsourcing.event import (
    EventTypes,
    RecordedEvent,
    UnknownEventVersionError,
    UnreadableEventError,
)
from shared.eventsourcing.inbox import Digest
from shared.messaging.batches import Part
from shared.messaging.envelope import (
    Envelope,
    UnreadableMessageError,
    read_envelope,
    read_fields,
    to_recorded,
)

UNREADABLE = (UnreadableMessageError, UnreadableEventError, UnknownEventVersionError)


class Arrived(Protocol):
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


@dataclass(frozen=True)
class Received:
    """A message that could be read."""

    message: Arrived
    recorded: RecordedEvent
    digest: Digest


class Reader:
    """Reads the events of some types."""

    def __init__(self, types: EventTypes) -> None:
        self._types, self._blanks = types, types.blanks()

    def read(self, message: Arrived) -> Received | None:
        """None where the event is of no type that is read here.

        Raises:
            UNREADABLE: what the message holds is nothing of ours, or nothing we know yet.
        """
        envelope = _envelope(message)
        _, name, _ = envelope.parsed_type()
        if not self._types.known(name):
            return None
        recorded = to_recorded(envelope, self._types)
        return Received(message, recorded, envelope.digest(self._blanks.get(name, {})))


def _envelope(message: Arrived) -> Envelope:
    if isinstance(message, Part):
        return read_fields(message.fields)
    return read_envelope(message.body, message.content_type)


def reason(error: Exception) -> str:
    """In words where they are ours; what others say may repeat what is personal."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, UNREADABLE) else name
