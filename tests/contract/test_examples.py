"""The published language: every version ever published stays readable."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from pydantic import Field

import shared.contracts
from deploy.docs import main
from shared.contracts import PUBLISHED, published_types
from shared.eventsourcing.event import Event, EventTypes, UnreadableEventError
from shared.messaging.envelope import read_envelope, to_message, to_recorded
from tests.support.events import recorded

HERE = Path(shared.contracts.__file__).parent
EXAMPLES = sorted((HERE / "examples").glob("*.json"))
TYPES = published_types()
EVENTS = [event for events in PUBLISHED.values() for event in events]


def _load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _name_and_version(path: Path) -> tuple[str, int]:
    name, _, version = path.stem.rpartition(".v")
    return name, int(version)


def _versioned(event: type[Event]) -> str:
    return f"{event.type_name()}.v{event.schema_version}"


def _validate(schema: dict[str, Any], data: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(data)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_fits_the_schema_of_its_version(path: Path) -> None:
    _validate(_load(HERE / "schemas" / path.name), _load(path))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_todays_models_read_what_any_version_wrote(path: Path) -> None:
    name, version = _name_and_version(path)
    event = TYPES.read(name, version, _load(path))
    assert event.type_name() == name
    _validate(
        _load(HERE / "schemas" / f"{_versioned(type(event))}.json"), event.model_dump(mode="json")
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_survives_its_journey_as_a_message(path: Path) -> None:
    name, version = _name_and_version(path)
    sent = recorded(TYPES.read(name, version, _load(path)), at=datetime.now(UTC))
    message = to_message(sent)
    assert to_recorded(read_envelope(message.body, message.content_type), TYPES) == sent


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type_name())
def test_every_event_has_an_example_and_a_schema_of_each_version(event: type[Event]) -> None:
    for version in range(1, event.schema_version + 1):
        name = f"{event.type_name()}.v{version}.json"
        assert (HERE / "examples" / name).exists(), name
        assert (HERE / "schemas" / name).exists(), name


def test_nothing_published_was_taken_back() -> None:
    known = {event.type_name() for event in EVENTS}
    assert {_name_and_version(path)[0] for path in EXAMPLES} == known


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type_name())
def test_an_example_shows_every_field(event: type[Event]) -> None:
    example = _load(HERE / "examples" / f"{_versioned(event)}.json")
    assert set(example) == set(event.model_fields)


def test_every_event_belongs_to_somebody_so_that_it_can_be_erased() -> None:
    assert all("user_id" in event.model_fields for event in EVENTS)


def test_the_document_for_others_names_every_event() -> None:
    document = yaml.safe_load((HERE / "asyncapi.yaml").read_text("utf-8"))
    assert set(document["channels"]) == {_versioned(event) for event in EVENTS}
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == {
        f"{producer}.{event.type_name()}"
        for producer, events in PUBLISHED.items()
        for event in events
    }
    for schema in _references(document):
        if schema.startswith("schemas/"):
            assert (HERE / schema).exists(), schema


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def test_what_is_derived_is_up_to_date() -> None:
    assert main(["--check"]) == 0


class _LampLit(Event):
    """An event as it was published: its example is what the tests above would hold it to."""

    user_id: str
    room: str


EXAMPLE = {"user_id": str(uuid4()), "room": "hall"}


def _read(event: type[Event]) -> Event:
    return EventTypes([event]).read(event.type_name(), 1, EXAMPLE)


def test_an_optional_field_breaks_nothing() -> None:
    class _LampLit(Event):
        user_id: str
        room: str
        colour: str = Field(default="white")

    assert _read(_LampLit).model_dump()["room"] == "hall"


def test_a_required_field_more_is_seen_as_the_break_it_is() -> None:
    class _LampLit(Event):
        user_id: str
        room: str
        colour: str

    with pytest.raises(UnreadableEventError, match="colour"):
        _read(_LampLit)


def test_a_field_less_is_seen_as_the_break_it_is() -> None:
    """Reading goes well, for unknown fields are ignored; the schema of the old version does not."""

    class _Less(Event):
        user_id: str

    schema = _LampLit.model_json_schema(mode="serialization")
    with pytest.raises(ValidationError, match="room"):
        _validate(schema, _Less(user_id="ann").model_dump(mode="json"))
    assert set(EXAMPLE) != set(_Less.model_fields)


def test_another_type_of_a_field_is_seen_as_the_break_it_is() -> None:
    class _LampLit(Event):
        user_id: str
        room: int

    with pytest.raises(UnreadableEventError, match="room"):
        _read(_LampLit)
