"""One page of stored events on its way to the broker, and what can't go."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from aio_pika import Message
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity
from pydantic import ValidationError

from shared.eventsourcing.event import EventTypes, RecordedEvent, UnreadableRowError
from shared.eventsourcing.pages import Row
from shared.messaging.batches import BATCH_BYTES, BATCH_EVENTS, joined
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
"""Per position of an event why it could not be published, in a few words."""


@dataclass(frozen=True)
class _Readable:
    """An event, and per exchange the message it is."""

    position: int
    key: str
    messages: Mapping[str, Message]


@dataclass(frozen=True)
class _Outgoing:
    """A message to an exchange: one event or several of the same kind."""

    exchange: str
    events: Sequence[_Readable]

    @property
    def key(self) -> str:
        return self.events[0].key

    def message(self) -> Message:
        messages = [event.messages[self.exchange] for event in self.events]
        return messages[0] if len(messages) == 1 else joined(messages)

    def apart(self) -> Sequence["_Outgoing"]:
        return [_Outgoing(self.exchange, [event]) for event in self.events]

    def because(self, reason: str) -> Reasons:
        return {event.position: f"{self.exchange}: {reason}" for event in self.events}


async def publish(
    publisher: Publisher,
    types: EventTypes,
    rows: Sequence[Row],
    before: Mapping[int, str] | None = None,
) -> Reasons:
    """Publish the events of the rows, in order; return what could not be, and why.

    `before` is what an earlier try returned: what reached the services then is not told again.

    Raises:
        Unavailable: the broker can't be reached; any of them may have arrived.
        DeliveryError: it can't keep one at present; any of them may have arrived.
    """
    reasons, events = _readable(types, rows)
    for exchange in (EVENTS, PUBLIC):
        due = [
            event
            for event in events
            if event.position not in reasons
            and not (exchange == EVENTS and _has_passed_events(before, event.position))
        ]
        reasons |= await _offer(publisher, _arranged(exchange, due))
    return reasons


def _has_passed_events(before: Mapping[int, str] | None, position: int) -> bool:
    return (before or {}).get(position, "").startswith(f"{PUBLIC}: ")


def _readable(types: EventTypes, rows: Sequence[Row]) -> tuple[Reasons, list[_Readable]]:
    reasons: Reasons = {}
    events = []
    for row in rows:
        try:
            events.append(_as_messages(row.event(types)))
        except UnreadableRowError as error:
            reasons[error.position] = error.reason
    return reasons, events


def _as_messages(recorded: RecordedEvent) -> _Readable:
    messages = dict(zip((EVENTS, PUBLIC), _messages(recorded), strict=True))
    return _Readable(recorded.position, routing_key(recorded), messages)


def _arranged(exchange: str, events: Sequence[_Readable]) -> Sequence[_Outgoing]:
    """Events of one kind that follow each other go to the services in one message.

    It costs the broker more than what is in it. On the public feed each event has its own.
    """
    if exchange == PUBLIC:
        return [_Outgoing(exchange, [event]) for event in events]
    runs = groupby(events, key=lambda event: event.key)
    return [_Outgoing(exchange, some) for _, run in runs for some in _fitting(run)]


def _fitting(events: Iterable[_Readable]) -> Iterator[Sequence[_Readable]]:
    """As many as fit into one message, again and again."""
    some, size = list[_Readable](), 0
    for event in events:
        more = event.messages[EVENTS].body_size + 1
        if some and (size + more > BATCH_BYTES or len(some) == BATCH_EVENTS):
            yield some
            some, size = [], 0
        some.append(event)
        size += more
    if some:
        yield some


def _messages(recorded: RecordedEvent) -> Sequence[Message]:
    """Make the messages, and see that they can be sent.

    Raises:
        UnreadableRowError: they are no envelopes, too large, or have what AMQP can't carry.
    """
    with _telling_unreadable(recorded):
        messages = to_messages(recorded)
        messages[0].properties.marshal()  # of both; refuses a time before 1970
    _check_size(recorded, max(message.body_size for message in messages))
    return messages


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
            with _telling_unreadable(recorded):
                envelope = to_envelope(recorded)
            _check_size(recorded, len(envelope.model_dump_json(exclude_none=True).encode()))
            found.append(envelope)
        except UnreadableRowError as error:
            reasons[error.position] = error.reason
    return found, reasons


@contextmanager
def _telling_unreadable(recorded: RecordedEvent) -> Iterator[None]:
    """Whatever keeps one event from becoming a message stops no other."""
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


async def _offer(publisher: Publisher, due: Sequence[_Outgoing]) -> Reasons:
    """Publish to one exchange; the broker closes the channel at what it refuses, so apart then."""
    try:
        return await _offer_at_once(publisher, due)
    except ChannelNotFoundEntity:  # the exchange is missing, and all of them wait for it
        raise
    except ChannelClosed as error:  # no right to this kind, or larger than the broker takes
        if len(due) == len(due[0].events) == 1:
            return due[0].because(f"refused ({type(error).__name__})")
    reasons: Reasons = {}
    for one in due if len(due) > 1 else due[0].apart():
        reasons |= await _offer(publisher, [one])
    return reasons


async def _offer_at_once(publisher: Publisher, due: Sequence[_Outgoing]) -> Reasons:
    if not due:
        return {}
    returned = await publisher.offer(due[0].exchange, [(one.key, one.message()) for one in due])
    reasons: Reasons = {}
    for place in returned:
        reasons |= due[place].because(f"no queue takes {due[place].key}")
    return reasons
