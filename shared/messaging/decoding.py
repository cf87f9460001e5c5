"""From an AMQP message to the event in it."""

from dataclasses import dataclass

from shared.eventsourcing.event import (
    EventTypes,
    RecordedEvent,
    UnknownEventVersionError,
    UnreadableEventError,
)
from shared.messaging.batches import BatchedEvent
from shared.messaging.envelope import (
    Envelope,
    UnreadableMessageError,
    read_envelope,
    read_fields,
    to_recorded,
)
from shared.messaging.inbox import Digest
from shared.messaging.incoming_message import IncomingMessage

UNREADABLE = (UnreadableMessageError, UnreadableEventError, UnknownEventVersionError)


@dataclass(frozen=True)
class DecodedMessage:
    """A message with the event that it carries."""

    message: IncomingMessage
    recorded: RecordedEvent
    digest: Digest


class MessageDecoder:
    """Decodes messages with events of some types."""

    def __init__(self, types: EventTypes) -> None:
        self._types, self._blanks = types, types.blanks()

    def decode(self, message: IncomingMessage) -> DecodedMessage | None:
        """None where the event is of another type.

        Raises:
            UNREADABLE: the message is no event of ours, or of a version not known here.
        """
        envelope = _envelope(message)
        _, name, _ = envelope.parsed_type()
        if not self._types.known(name):
            return None
        recorded = to_recorded(envelope, self._types)
        return DecodedMessage(message, recorded, envelope.digest(self._blanks.get(name, {})))


def _envelope(message: IncomingMessage) -> Envelope:
    if isinstance(message, BatchedEvent):
        return read_fields(message.fields)
    return read_envelope(message.body, message.content_type)


def failure_reason(error: Exception) -> str:
    """The error's type, with its words only where they are ours: others may repeat values."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, UNREADABLE) else name
