"""Stored names and versions lead to today's models."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, Field

from shared.eventsourcing.event import (
    Event,
    EventTypes,
    Metadata,
    Personal,
    UnknownEventVersionError,
    UnreadableEventError,
)
from tests.support.events import ANN, uploaded


class Line(BaseModel):
    text: str


class TeaServed(Event):
    """Version 3: `sugar` was a flag, then a number of lumps; `guest` came with version 2."""

    schema_version = 3

    cup: int
    lumps: int
    guest: Personal[str] = ""
    wishes: Personal[list[Line]] = Field(default_factory=list)
    table: Personal[UUID | None] = None


def _lumps(data: dict[str, Any]) -> dict[str, Any]:
    return {"cup": data["cup"], "sugar": 2 if data["sugar"] else 0, "guest": "somebody"}


def _renamed(data: dict[str, Any]) -> dict[str, Any]:
    return {"cup": data["cup"], "lumps": data["sugar"], "guest": data["guest"]}


TYPES = EventTypes([TeaServed], {("TeaServed", 1): _lumps, ("TeaServed", 2): _renamed})


def test_an_old_event_is_lifted_through_every_version() -> None:
    event = TYPES.read("TeaServed", 1, {"cup": 7, "sugar": True})
    assert event == TeaServed(cup=7, lumps=2, guest="somebody")


def test_an_event_of_the_middle_version_takes_only_the_last_step() -> None:
    event = TYPES.read("TeaServed", 2, {"cup": 7, "sugar": 5, "guest": "Ann"})
    assert event == TeaServed(cup=7, lumps=5, guest="Ann")


def test_todays_version_is_read_as_it_stands() -> None:
    data = {"cup": 7, "lumps": 1, "guest": "Ann", "wishes": [{"text": "milk"}]}
    assert TYPES.read("TeaServed", 3, data).model_dump(exclude={"table"}) == data


@pytest.mark.parametrize("version", [0, -1, 4, 9999])
def test_a_version_nobody_knows_is_told_apart_from_bad_data(version: int) -> None:
    with pytest.raises(UnknownEventVersionError, match="TeaServed"):
        TYPES.read("TeaServed", version, {"cup": 7, "lumps": 1})


@pytest.mark.parametrize(
    "data",
    [{}, {"cup": "seven", "lumps": 1}, {"cup": 7}, {"cup": None, "lumps": 1}, {"cup": 1.5}],
)
def test_data_that_do_not_fit_are_named_by_place_and_never_repeated(data: dict[str, Any]) -> None:
    with pytest.raises(UnreadableEventError) as caught:
        TYPES.read("TeaServed", 3, data)
    assert "TeaServed" in str(caught.value)
    assert "seven" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (1, {"cup": 7, "sugar": True}),
        (2, {"cup": 7, "sugar": 5, "guest": "Анна"}),
        (3, {"cup": 7.0, "lumps": "1", "wishes": [{"text": "milk"}], "table": str(ANN)}),
        (3, {"cup": "seven", "lumps": 1}),
        (3, {"cup": 7, "lumps": 1, "wishes": [{"text": None}], "table": "corner"}),
        (3, {"cup": 7, "lumps": True, "biscuit": {}}),
        (3, []),
        (4, {"cup": 7, "lumps": 1}),
    ],
)
def test_from_json_it_is_the_same_event_or_the_same_failure(version: int, data: Any) -> None:
    written = json.dumps(data)
    assert _read(TYPES.read_json, version, written) == _read(TYPES.read, version, data)


def _read(read: Callable[[str, int, Any], Event], version: int, data: Any) -> object:
    """The event, or what was raised, in words."""
    try:
        return read("TeaServed", version, data)
    except (UnreadableEventError, UnknownEventVersionError) as failure:
        return repr(failure)


@pytest.mark.parametrize("written", ["", "{", "[" * 100_000, '{"cup": 7'])
def test_what_is_no_json_fits_no_type(written: str) -> None:
    with pytest.raises(UnreadableEventError, match="TeaServed"):
        TYPES.read_json("TeaServed", 3, written)


def test_a_field_a_newer_producer_added_is_ignored() -> None:
    event = TYPES.read("TeaServed", 3, {"cup": 7, "lumps": 1, "biscuit": True})
    assert event == TeaServed(cup=7, lumps=1)


def test_types_know_their_names() -> None:
    assert TYPES.names() == ["TeaServed"]
    assert TYPES.known("TeaServed")
    assert not TYPES.known("CoffeeServed")


def test_personal_fields_have_the_empty_value_of_their_kind() -> None:
    assert TYPES.blanks() == {"TeaServed": {"guest": "", "wishes": [], "table": None}}


def test_what_is_masked_can_still_be_read() -> None:
    data = TeaServed(cup=7, lumps=1, guest="Ann", wishes=[Line(text="milk")]).model_dump(
        mode="json"
    )
    masked = TYPES.read("TeaServed", 3, data | TeaServed.blanks())
    assert masked == TeaServed(cup=7, lumps=1)


def test_an_event_cannot_be_changed() -> None:
    event = uploaded(uuid4())
    with pytest.raises(ValueError, match="frozen"):
        event.name = "other.py"  # type: ignore[misc]


@pytest.mark.parametrize(
    "metadata",
    [
        Metadata(),
        Metadata(user_id=ANN),
        Metadata(ANN, uuid4(), uuid4(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ],
)
def test_metadata_survive_their_json(metadata: Metadata) -> None:
    assert Metadata.from_json(metadata.to_json()) == metadata
