"""Publishes one page of stored events, and says which of them could not be published."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from aio_pika import Message
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity
from pydantic import ValidationError

from shared.eventsourcing.event import EventTypes, RecordedEvent, UnreadableRowError
from shared.eventsourcing.pages import Row
from shared.messaging.batches import BATCH_BYTES, BATCH_EVENTS, join_messages
from shared.messaging.envelope import (
    MAX_BYTES,
    Envelope,
    routing_key,
    to_envelope,
    to_messages,
)
from shared.messaging.publisher import Publisher
from shared.messaging.topology import EVENTS, PUBLIC

Reasons = dict[int, str]
"""By position of an event why it could not be published, in a few words."""


@dataclass(frozen=True)
class _Event:
    """An event with its message for each exchange."""

    position: int
    key: str
    messages: Mapping[str, Message]


@dataclass(frozen=True)
class _Outgoing:
    """A message to an exchange, with one event or several of the same type."""

    exchange: str
    events: Sequence[_Event]

    @property
    def key(self) -> str:
        return self.events[0].key

    def message(self) -> Message:
        messages = [event.messages[self.exchange] for event in self.events]
        return messages[0] if len(messages) == 1 else join_messages(messages)

    def split(self) -> Sequence["_Outgoing"]:
        return [_Outgoing(self.exchange, [event]) for event in self.events]

    def failed(self, reason: str) -> Reasons:
        return {event.position: f"{self.exchange}: {reason}" for event in self.events}


async def publish(
    publisher: Publisher,
    types: EventTypes,
    rows: Sequence[Row],
    earlier: Mapping[int, str] | None = None,
) -> Reasons:
    """Publish the events of the rows, in order; return what could not be, and why.

    `earlier` is what an earlier try returned: what reached the services then is not published to
    them again.

    Raises:
        Unavailable: the broker can't be reached; any of them may have arrived.
        DeliveryError: it can't keep one at present; any of them may have arrived.
    """
    reasons, events = _read(types, rows)
    for exchange in (EVENTS, PUBLIC):
        due = [
            event
            for event in events
            if event.position not in reasons
            and not (exchange == EVENTS and _has_reached_services(earlier, event.position))
        ]
        reasons |= await _publish(publisher, _grouped(exchange, due))
    return reasons


def _has_reached_services(earlier: Mapping[int, str] | None, position: int) -> bool:
    """Whether only the public exchange did not take the event."""
    return (earlier or {}).get(position, "").startswith(f"{PUBLIC}: ")


def _read(types: EventTypes, rows: Sequence[Row]) -> tuple[Reasons, list[_Event]]:
    reasons: Reasons = {}
    events = []
    for row in rows:
        try:
            events.append(_with_messages(row.event(types)))
        except UnreadableRowError as error:
            reasons[error.position] = error.reason
    return reasons, events


def _with_messages(recorded: RecordedEvent) -> _Event:
    """Make the event's messages, and see that they can be sent.

    Raises:
        UnreadableRowError: they are no envelopes, too large, or have what AMQP can't carry.
    """
    with _as_unreadable_row(recorded):
        messages = to_messages(recorded)
        messages[0].properties.marshal()  # of both; refuses a time before 1970
    _check_size(recorded, max(message.body_size for message in messages))
    by_exchange = dict(zip((EVENTS, PUBLIC), messages, strict=True))
    return _Event(recorded.position, routing_key(recorded), by_exchange)


def _grouped(exchange: str, events: Sequence[_Event]) -> Sequence[_Outgoing]:
    """Events of one type that follow each other go to the services in one message.

    A message costs the broker more than what is in it. On the public feed each event has its own.
    """
    if exchange == PUBLIC:
        return [_Outgoing(exchange, [event]) for event in events]
    runs = groupby(events, key=lambda event: event.key)
    return [_Outgoing(exchange, chunk) for _, run in runs for chunk in _chunks(run)]


def _chunks(events: Iterable[_Event]) -> Iterator[Sequence[_Event]]:
    """As many events as fit into one message, again and again."""
    chunk, size = list[_Event](), 0
    for event in events:
        more = event.messages[EVENTS].body_size + 1
        if chunk and (size + more > BATCH_BYTES or len(chunk) == BATCH_EVENTS):
            yield chunk
            chunk, size = [], 0
        chunk.append(event)
        size += more
    if chunk:
        yield chunk


def _check_size(recorded: RecordedEvent, size: int) -> None:
    if size > MAX_BYTES:
        reason = f"{recorded.event.type_name()}: larger than {MAX_BYTES} bytes as a message"
        raise UnreadableRowError(recorded.position, reason)


def envelopes(types: EventTypes, rows: Sequence[Row]) -> tuple[list[Envelope], Reasons]:
    """The envelopes of those rows that have one, and why the others have none."""
    found, reasons = [], {}
    for row in rows:
        try:
            recorded = row.event(types)
            with _as_unreadable_row(recorded):
                envelope = to_envelope(recorded)
            _check_size(recorded, len(envelope.model_dump_json(exclude_none=True).encode()))
            found.append(envelope)
        except UnreadableRowError as error:
            reasons[error.position] = error.reason
    return found, reasons


@contextmanager
def _as_unreadable_row(recorded: RecordedEvent) -> Iterator[None]:
    """Raise `UnreadableRowError` for whatever keeps the event from becoming a message."""
    name = recorded.event.type_name()
    try:
        yield
    except ValidationError as error:
        places = {"/".join(map(str, e["loc"])) for e in error.errors(include_input=False)}
        reason = f"{name}: no envelope: {', '.join(sorted(places))}"
        raise UnreadableRowError(recorded.position, reason) from None
    except Exception as error:  # noqa: BLE001 - whatever it is
        reason = f"{name}: no message ({type(error).__name__})"
        raise UnreadableRowError(recorded.position, reason) from None


async def _publish(publisher: Publisher, due: Sequence[_Outgoing]) -> Reasons:
    """Publish to one exchange; one by one after the broker has closed the channel at a refusal."""
    try:
        return await _publish_together(publisher, due)
    except ChannelNotFoundEntity:  # the exchange is missing, and all of them wait for it
        raise
    except ChannelClosed as error:  # no right to this type, or larger than the broker takes
        if len(due) == len(due[0].events) == 1:
            return due[0].failed(f"refused ({type(error).__name__})")
    reasons: Reasons = {}
    for one in due if len(due) > 1 else due[0].split():
        reasons |= await _publish(publisher, [one])
    return reasons


async def _publish_together(publisher: Publisher, due: Sequence[_Outgoing]) -> Reasons:
    if not due:
        return {}
    messages = [(one.key, one.message()) for one in due]
    returned = await publisher.publish_collecting_returns(due[0].exchange, messages)
    reasons: Reasons = {}
    for index in returned:
        reasons |= due[index].failed(f"no queue takes {due[index].key}")
    return reasons
