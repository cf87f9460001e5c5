"""Messages: what we write we can read, and what others write can't hurt."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from aio_pika import DeliveryMode

from shared.contracts import published_types
from shared.eventsourcing.event import (
    Metadata,
    RecordedEvent,
    UnknownEventVersionError,
    UnreadableEventError,
)
from shared.messaging.envelope import (
    CONTENT_TYPE,
    MAX_BYTES,
    Envelope,
    UnreadableMessageError,
    read_envelope,
    routing_key,
    to_envelope,
    to_message,
    to_recorded,
)
from shared.messaging.inbox import Digest
from tests.support.events import ANN, NOON, deleted, recorded, uploaded

TYPES = published_types()
Change = Callable[[dict[str, Any]], dict[str, Any]]


def _recorded() -> RecordedEvent:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    metadata = Metadata(ANN, uuid4(), uuid4(), trace)
    event = uploaded(uuid4(), name="привет 'мир'.py")
    return RecordedEvent(17, uuid4(), f"file-{event.file_id}", 3, event, metadata, NOON)


def _body() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_message(_recorded()).body)
    return found


def test_an_event_survives_its_journey() -> None:
    event = _recorded()
    message = to_message(event)
    arrived = to_recorded(read_envelope(message.body, message.content_type), TYPES)
    assert arrived == RecordedEvent(0, *list(vars(event).values())[1:])


def test_a_message_is_a_cloud_event_that_outlives_the_broker() -> None:
    event = _recorded()
    message, body = to_message(event), json.loads(to_message(event).body)
    assert body["specversion"] == "1.0"
    assert body["id"] == message.message_id == str(event.event_id)
    assert body["source"] == "/files"
    assert body["type"] == "prereview.files.FileUploaded.v1"
    assert (body["subject"], body["sequence"]) == (event.stream_id, 3)
    assert body["dataschema"] == "urn:prereview:schema:FileUploaded:v1"
    assert body["userid"] == str(ANN)
    assert message.content_type == CONTENT_TYPE == "application/cloudevents+json"
    assert message.delivery_mode == DeliveryMode.PERSISTENT
    assert routing_key(event) == "files.FileUploaded"


def test_what_is_not_known_is_left_out() -> None:
    body = json.loads(to_message(recorded(uploaded(uuid4()))).body)
    assert not {"correlationid", "causationid", "traceparent"} & set(body)


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"{nonsense", CONTENT_TYPE, "not JSON"),
        (b"", CONTENT_TYPE, "not JSON"),
        (b"\xff\xfe\x00", CONTENT_TYPE, "not JSON"),
        (b"[]", CONTENT_TYPE, "envelope"),
        (b"null", CONTENT_TYPE, "envelope"),
        (b"42", CONTENT_TYPE, "envelope"),
        (b"[" * 100_000, CONTENT_TYPE, "not JSON"),
        (b'"' + b"x" * MAX_BYTES + b'"', CONTENT_TYPE, "larger than"),
        (b"{}", "application/json", "content type"),
        (b"{}", None, "content type"),
        (b"{}", "", "content type"),
    ],
)
def test_bodies_that_are_no_envelope_are_refused_with_a_reason(
    body: bytes, content_type: str | None, reason: str
) -> None:
    with pytest.raises(UnreadableMessageError, match=reason):
        read_envelope(body, content_type)


def _without(name: str) -> Change:
    return lambda body: {key: value for key, value in body.items() if key != name}


def _with(name: str, value: object) -> Change:
    return lambda body: {**body, name: value}


@pytest.mark.parametrize(
    "change",
    [
        _without("id"),
        _without("type"),
        _without("subject"),
        _without("data"),
        _without("sequence"),
        _without("time"),
        _without("source"),
        _with("id", "17"),
        _with("id", None),
        _with("id", 17),
        _with("specversion", "0.3"),
        _with("type", "prereview.files.FileUploaded"),
        _with("type", "prereview.files.FileUploaded.v0"),
        _with("type", "prereview.files.FileUploaded.v99999"),
        _with("type", "prereview.files.FileUploaded.v1\n"),
        _with("type", "prereview.files.../../etc.v1"),
        _with("subject", ""),
        _with("subject", "x" * 201),
        _with("sequence", 0),
        _with("sequence", -1),
        _with("sequence", 2**31),
        _with("sequence", 10**22),
        _with("sequence", 1.5),
        _with("time", "yesterday"),
        _with("time", float("nan")),
        _with("time", 1e400),
        _with("data", []),
        _with("data", "text"),
        _with("userid", "ann"),
        _with("correlationid", "x"),
        _with("traceparent", "0" * 101),
        _with("datacontenttype", "text/xml"),
    ],
)
def test_an_envelope_with_one_thing_wrong_is_refused_without_its_content(change: Change) -> None:
    body = json.dumps(change({**_body(), "secret": "do not repeat me"})).encode()
    with pytest.raises(UnreadableMessageError) as caught:
        read_envelope(body, CONTENT_TYPE).parsed_type()
    assert "repeat" not in str(caught.value)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", "[" * 50_000, r'"\ud800"'])
def test_strange_values_are_refused_or_fail_the_event_and_nothing_else(value: str) -> None:
    body = json.dumps(_body()).replace('"size": 0', f'"size": {value}')
    with pytest.raises((UnreadableMessageError, UnreadableEventError)):
        to_recorded(read_envelope(body.encode(), CONTENT_TYPE), TYPES)


def test_a_version_from_the_future_is_named() -> None:
    body = _body() | {"type": "prereview.files.FileUploaded.v2"}
    envelope = read_envelope(json.dumps(body).encode(), CONTENT_TYPE)
    with pytest.raises(UnknownEventVersionError, match="FileUploaded v2"):
        to_recorded(envelope, TYPES)


def test_attributes_of_others_are_ignored() -> None:
    body = json.dumps(_body() | {"partitionkey": "x", "nested": {"a": [1]}}).encode()
    assert read_envelope(body, CONTENT_TYPE).source == "/files"


def _digest(envelope: Envelope) -> Digest:
    return envelope.digest(TYPES.blanks()["FileUploaded"])


def _known(envelope: Envelope) -> bytes:
    """What the inbox keeps of it."""
    digest = _digest(envelope)
    return digest.whole + digest.masked


def _with_name(envelope: Envelope, name: str) -> Envelope:
    return envelope.model_copy(update={"data": {**envelope.data, "name": name}})


def test_the_digest_is_of_the_event_not_of_the_way_it_came() -> None:
    event = _recorded()
    envelope = to_envelope(event)
    sent_again = envelope.model_copy(update={"traceparent": None})
    in_other_order = Envelope.model_validate(dict(reversed(envelope.model_dump().items())))
    assert _digest(envelope) == _digest(sent_again) == _digest(in_other_order)


@pytest.mark.parametrize(
    ("field", "value"), [("sequence", 4), ("subject", "file-x"), ("data", {"name": "b.py"})]
)
def test_another_body_has_another_digest(field: str, value: object) -> None:
    envelope = to_envelope(_recorded())
    other = envelope.model_copy(update={field: value})
    assert not _digest(other).matches(_known(envelope))
    assert not _digest(envelope).matches(_known(other))


def test_an_event_that_was_masked_is_the_same_whichever_came_first() -> None:
    envelope = to_envelope(_recorded())
    masked = _with_name(envelope, "")
    assert _digest(masked).matches(_known(envelope))
    assert _digest(envelope).matches(_known(masked))


def test_another_name_is_another_body_and_so_is_another_event_that_was_masked() -> None:
    envelope = to_envelope(_recorded())
    other = _with_name(envelope, "other.py")
    assert not _digest(other).matches(_known(envelope))
    masked = _with_name(envelope, "").model_copy(update={"sequence": 4})
    assert not _digest(masked).matches(_known(envelope))


def test_an_event_without_personal_fields_is_never_a_masked_one() -> None:
    envelope = to_envelope(recorded(deleted(uuid4(), 1)))
    digest = envelope.digest(TYPES.blanks().get("FileDeleted", {}))
    assert not digest.is_masked
    assert digest.matches(digest.whole + digest.masked)
