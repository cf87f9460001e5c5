"""An event as a message: CloudEvents 1.0, structured mode, JSON.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from aio_pika import DeliveryMode, Message
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from shared.contracts import producer_of
from shared.eventsourcing.event import Event, EventTypes, Metadata, RecordedEvent
from shared.json_text import with_member
from shared.messaging.inbox import Digest

CONTENT_TYPE = "application/cloudevents+json"
MAX_BYTES = 4 * 1024 * 1024  # 500 findings of 4 KiB each are half of it
_TYPE = re.compile(r"prereview\.([a-z]+)\.([A-Za-z]+)\.v([1-9][0-9]{0,3})")


class UnreadableMessageError(Exception):
    """The message is not an envelope this program can read."""


class Attributes(BaseModel):
    """The CloudEvents attributes we set and read."""

    model_config = ConfigDict(extra="ignore", strict=False)

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str
    type: str = Field(pattern=_TYPE.pattern)
    subject: str = Field(min_length=1, max_length=200)
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    sequence: int = Field(ge=1, lt=2**31)
    correlationid: UUID | None = None
    causationid: UUID | None = None
    traceparent: str | None = Field(default=None, max_length=100)
    userid: UUID | None = None


class Envelope(Attributes):
    """A CloudEvents 1.0 event: its attributes and its data."""

    data: dict[str, Any]

    def parsed_type(self) -> tuple[str, str, int]:
        """Producer, event name, schema version."""
        match = _TYPE.fullmatch(self.type)
        if match is None:
            raise UnreadableMessageError("type")
        return match[1], match[2], int(match[3])

    def digest(self, blanks: Mapping[str, Any]) -> Digest:
        """The same for the same event, however often its producer sent it, masked or not.

        `blanks` are the personal fields of the event's type with what masks them. The order of
        fields counts: it is that of the event's model, whoever sends it again.
        """
        fields = self.model_dump(mode="json", exclude={"traceparent", "data"}) | {"data": self.data}
        whole = _sha256(fields)
        masked = _sha256({**fields, "data": {**fields["data"], **blanks}}) if blanks else whole
        return Digest(whole, masked, has_personal=bool(blanks))


def event_name(written: str) -> str | None:
    """The event's name in the `type` of an envelope; None where we have no such event."""
    match = _TYPE.fullmatch(written)
    return match[2] if match else None


def _sha256(fields: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(to_json(fields)).digest()


def routing_key(recorded: RecordedEvent) -> str:
    return f"{producer_of(type(recorded.event))}.{recorded.event.type_name()}"


def to_envelope(recorded: RecordedEvent) -> Envelope:
    data = recorded.event.model_dump(mode="json")
    return Envelope(**vars(_attributes(recorded)), data=data)


def _attributes(recorded: RecordedEvent) -> Attributes:
    event, metadata = recorded.event, recorded.metadata
    producer, name = producer_of(type(event)), event.type_name()
    return Attributes(
        id=recorded.event_id,
        source=f"/{producer}",
        type=f"prereview.{producer}.{name}.v{event.schema_version}",
        subject=recorded.stream_id,
        time=recorded.recorded_at,
        dataschema=f"urn:prereview:schema:{name}:v{event.schema_version}",
        sequence=recorded.version,
        correlationid=metadata.correlation_id,
        causationid=metadata.causation_id,
        traceparent=metadata.traceparent,
        userid=metadata.user_id,
    )


def to_message(recorded: RecordedEvent) -> Message:
    return to_messages(recorded)[0]


def to_messages(recorded: RecordedEvent) -> tuple[Message, Message]:
    """The message to the services, and the public one.

    The public one is without personal fields: the feed keeps it for days, and nobody can take it
    back.
    """
    attributes = _attributes(recorded).model_dump_json(exclude_none=True)
    events = recorded.event, recorded.event.masked()
    full, public = (_message(recorded, attributes, event) for event in events)
    return full, public


def _message(recorded: RecordedEvent, attributes: str, event: Event) -> Message:
    return Message(
        with_member(attributes, "data", event.model_dump_json()).encode(),
        content_type=CONTENT_TYPE,
        message_id=str(recorded.event_id),
        type=recorded.event.type_name(),
        timestamp=recorded.recorded_at,
        delivery_mode=DeliveryMode.PERSISTENT,
    )


def read_envelope(body: bytes, content_type: str | None) -> Envelope:
    """Parse the body of a message.

    Raises:
        UnreadableMessageError: with the reason in a few words, without the content.
    """
    if content_type != CONTENT_TYPE:
        raise UnreadableMessageError("content type")
    if len(body) > MAX_BYTES:
        raise UnreadableMessageError(f"larger than {MAX_BYTES} bytes")
    return _validated(lambda: Envelope.model_validate_json(body))


def read_fields(fields: Mapping[str, Any]) -> Envelope:
    """The same of a body that is parsed already."""
    return _validated(lambda: Envelope.model_validate(fields))


def _validated(validate: Callable[[], Envelope]) -> Envelope:
    try:
        return validate()
    except ValidationError as error:
        places = sorted({"/".join(map(str, e["loc"])) for e in error.errors(include_input=False)})
        raise UnreadableMessageError(f"envelope: {', '.join(places) or 'not JSON'}") from None


def to_recorded(envelope: Envelope, types: EventTypes) -> RecordedEvent:
    """The event in the envelope; `position` is 0, for only its producer knows it."""
    _, name, version = envelope.parsed_type()
    return RecordedEvent(
        0,
        envelope.id,
        envelope.subject,
        envelope.sequence,
        types.read(name, version, envelope.data),
        Metadata(
            envelope.userid, envelope.correlationid, envelope.causationid, envelope.traceparent
        ),
        envelope.time,
    )
