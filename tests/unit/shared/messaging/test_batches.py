"""Several events in one message: what goes in comes out, and nothing else is taken for a batch."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from shared.messaging.batches import (
    BATCH_BYTES,
    BATCH_CONTENT_TYPE,
    BATCH_EVENTS,
    BatchedEvent,
    join_messages,
    split_message,
)
from shared.messaging.envelope import CONTENT_TYPE, read_envelope, to_message
from shared.messaging.incoming_message import IncomingMessage
from tests.support.events import recorded, uploaded


@dataclass
class Incoming:
    body: bytes
    content_type: str | None = BATCH_CONTENT_TYPE
    acknowledged: int = 0
    message_id: str | None = field(default_factory=lambda: str(uuid4()))
    type: str | None = None

    @property
    def body_size(self) -> int:
        return len(self.body)

    async def ack(self) -> None:
        self.acknowledged += 1


def parts_of(incoming: Incoming) -> list[IncomingMessage]:
    return list(split_message(incoming))


@pytest.mark.parametrize("name", ["main.py", "отчёт.py", 'a"b\\c.py', "\u2028.py", "😀.py"])
def test_events_come_out_as_they_went_in(name: str) -> None:
    events = [recorded(uploaded(uuid4(), name=name)) for _ in range(3)]
    messages = [to_message(event) for event in events]
    whole = join_messages(messages)
    parts = parts_of(Incoming(whole.body))
    assert [part.body for part in parts] == [message.body for message in messages]
    assert [part.message_id for part in parts] == [str(event.event_id) for event in events]
    assert {part.type for part in parts} == {"FileUploaded"} == {whole.type}
    assert {part.content_type for part in parts} == {CONTENT_TYPE}
    assert sum(part.body_size for part in parts) <= len(whole.body)


async def test_a_message_is_acknowledged_with_the_last_of_its_events() -> None:
    incoming = Incoming(
        join_messages([to_message(recorded(uploaded(uuid4()))) for _ in range(3)]).body
    )
    first, second, third = parts_of(incoming)
    await second.ack()
    await first.ack()
    await first.ack()
    assert incoming.acknowledged == 0
    await third.ack()
    await third.ack()
    assert incoming.acknowledged == 1


NO_BATCHES: dict[str, Any] = {
    "nothing": b"",
    "no JSON": b"[{}",
    "half a character": b'["\xd0"]',
    "an empty list": b"[]",
    "no list": b'{"id": 1}',
    "a list of numbers": b"[1, 2]",
    "a number among events": b'[{"id": "x"}, 3]',
    "100,000 brackets": b"[" * 100_000,
    "a number of 5,000 digits": b'[{"id": ' + b"9" * 5000 + b"}]",
    "too many": json.dumps([{}] * (BATCH_EVENTS + 1)).encode(),
    "too large": b'[{"id": "' + b"x" * BATCH_BYTES + b'"}]',
    "500 brackets in an event": b'[{"data": ' + b"[" * 500 + b"]" * 500 + b"}]",
    "half a pair of surrogates": b'[{"id": "\\ud800"}]',
}


@pytest.mark.parametrize("what", NO_BATCHES)
def test_what_is_no_batch_stays_one_message(what: str) -> None:
    incoming = Incoming(NO_BATCHES[what])
    assert [id(part) for part in parts_of(incoming)] == [id(incoming)]


def test_one_event_of_its_own_stays_as_it_is() -> None:
    message = to_message(recorded(uploaded(uuid4())))
    incoming = Incoming(message.body, CONTENT_TYPE)
    assert [id(part) for part in parts_of(incoming)] == [id(incoming)]


@pytest.mark.parametrize(
    "fields",
    [{}, {"id": None}, {"id": 7}, {"id": ["x"]}, {"type": 3}, {"id": "x" * 300, "type": "y" * 300}],
)
def test_an_event_that_is_none_can_be_named_and_laid_aside(fields: dict[str, Any]) -> None:
    good = to_message(recorded(uploaded(uuid4())))
    body = b"[" + json.dumps(fields).encode() + b"," + good.body + b"]"
    bad, fine = parts_of(Incoming(body))
    assert isinstance(bad, BatchedEvent)
    assert json.loads(bad.body) == fields
    assert bad.message_id is None
    assert bad.type is None
    assert read_envelope(fine.body, fine.content_type) == read_envelope(good.body, CONTENT_TYPE)
