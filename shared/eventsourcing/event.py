"""An event: a fact in the past tense, and what the store knows about it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_origin
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

T = TypeVar("T")
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class PersonalMarker:
    """Marks a field that can identify a person or hold text that a person wrote."""


Personal = Annotated[T, PersonalMarker()]


class Event(BaseModel):
    """A fact. Its stored name is the class name, its stored version `schema_version`."""

    # Unknown fields are ignored: a producer may add one before its consumers know it.
    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: ClassVar[int] = 1

    @classmethod
    def type_name(cls) -> str:
        return cls.__name__

    @classmethod
    def blanks(cls) -> dict[str, Any]:
        """Per personal field the empty value, `""`, `[]` or None, that masks it."""
        return {
            name: _blank(field.annotation)
            for name, field in cls.model_fields.items()
            if any(isinstance(mark, PersonalMarker) for mark in field.metadata)
        }

    def masked(self) -> Self:
        """The same event without what could identify a person or was written by one."""
        return self.model_copy(update=self.blanks())


def _blank(annotation: object) -> object:
    if annotation is str:
        return ""
    if get_origin(annotation) in {list, tuple}:
        return []
    return None


@dataclass(frozen=True)
class Metadata:
    """Why an event happened (request, causing event, trace), and whose data it is."""

    user_id: UUID | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None

    def to_json(self) -> dict[str, str]:
        return {name: str(value) for name, value in vars(self).items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> "Metadata":
        def uuid(name: str) -> UUID | None:
            return UUID(data[name]) if name in data else None

        return cls(
            uuid("user_id"), uuid("correlation_id"), uuid("causation_id"), data.get("traceparent")
        )


@dataclass(frozen=True)
class RecordedEvent:
    """An event with its place in its stream (`version`, from 1) and in its service (`position`)."""

    position: int
    event_id: UUID
    stream_id: str
    version: int
    event: Event
    metadata: Metadata
    recorded_at: datetime


class UnknownEventVersionError(Exception):
    """The type is known, this version of it is not."""


class UnreadableEventError(Exception):
    """The data do not fit the type."""


class UnreadableRowError(Exception):
    """A stored row that can't become an event; `reason` has no values of it."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"the event at position {position} can't be read: {reason}")
        self.position, self.reason = position, reason


class EventTypes:
    """The event types a program can read, and the upcasters to their latest versions."""

    def __init__(
        self,
        types: Iterable[type[Event]],
        upcasters: Mapping[tuple[str, int], Upcaster] | None = None,
    ) -> None:
        """Take the types and, by `(name, version)`, the pure function to the next version."""
        self._types = {event_type.type_name(): event_type for event_type in types}
        self._upcasters = dict(upcasters or {})

    def names(self) -> list[str]:
        return list(self._types)

    def blanks(self) -> dict[str, dict[str, Any]]:
        """Per type with personal fields, what masks them."""
        fields = {name: event_type.blanks() for name, event_type in self._types.items()}
        return {name: blanks for name, blanks in fields.items() if blanks}

    def known(self, name: str) -> bool:
        return name in self._types

    def read(self, name: str, schema_version: int, data: dict[str, Any]) -> Event:
        """Build the event in its latest version.

        Raises:
            UnknownEventVersionError: no chain of upcasters leads to the latest version.
            UnreadableEventError: the data do not fit.
        """
        event_type = self._types[name]
        while schema_version != event_type.schema_version:
            upcast = self._upcasters.get((name, schema_version))
            if upcast is None:
                raise UnknownEventVersionError(f"{name} v{schema_version}")
            data, schema_version = _upcast(upcast, name, schema_version, data), schema_version + 1
        with _as_unreadable_event(name):
            return event_type.model_validate(data)

    def read_json(self, name: str, schema_version: int, data: str) -> Event:
        """The same from JSON, which is parsed in one pass where it is of the latest version.

        Raises:
            ValueError: an older version is no JSON.
        """
        event_type = self._types[name]
        if schema_version != event_type.schema_version:
            return self.read(name, schema_version, from_json(data))
        with _as_unreadable_event(name):
            return event_type.model_validate_json(data)


@contextmanager
def _as_unreadable_event(name: str) -> Iterator[None]:
    """Name the fields of the event that are wrong, and none of their values."""
    try:
        yield
    except ValidationError as error:
        places = ["/".join(map(str, e["loc"])) for e in error.errors(include_input=False)]
        reason = ", ".join(filter(None, places)) or "broken data"
        raise UnreadableEventError(f"{name}: {reason}") from None


def _upcast(upcast: Upcaster, name: str, version: int, data: dict[str, Any]) -> dict[str, Any]:
    try:
        return upcast(data)
    except Exception as error:  # noqa: BLE001 - data that the upcaster was not written for
        raise UnreadableEventError(f"{name} v{version}: {type(error).__name__}") from None
