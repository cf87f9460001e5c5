"""The published language: one module per producing service."""

from collections.abc import Iterable

from shared.contracts.auth import (
    AccountMailRequested,
    EmailChanged,
    EmailConfirmed,
    LanguageChanged,
    UserErased,
    UserRegistered,
)
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.files import (
    FileDeleted,
    FileErased,
    FileReplaced,
    FileRestored,
    FileUploaded,
)
from shared.contracts.notifier import (
    EmailFailed,
    EmailHeld,
    EmailQueued,
    EmailSent,
    EmailSuppressed,
)
from shared.eventsourcing.event import Event, EventTypes, Upcaster

PUBLISHED: dict[str, list[type[Event]]] = {
    "auth": [
        UserRegistered,
        EmailConfirmed,
        EmailChanged,
        LanguageChanged,
        AccountMailRequested,
        UserErased,
    ],
    "files": [FileUploaded, FileReplaced, FileDeleted, FileRestored, FileErased],
    "checker": [FileChecked, CheckFailed],
    "notifier": [EmailQueued, EmailHeld, EmailSent, EmailFailed, EmailSuppressed],
    "reports": [],
}
"""Every event that leaves a service, by the service that produces it."""

CONSUMED: dict[str, list[type[Event]]] = {
    "files": [UserErased],
    "checker": [FileUploaded, FileReplaced, FileDeleted, FileRestored, UserErased],
    "notifier": [FileChecked, CheckFailed, AccountMailRequested, EmailConfirmed, UserErased],
    "reports": [event for events in PUBLISHED.values() for event in events],
}
"""The events each consuming service reads. Its queue is bound to them before anybody publishes."""

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""Per `(name, version)` the pure step from that version's data to the next one's."""


def published_types(*producers: str) -> EventTypes:
    """The published events of the named services; of all without a name."""
    chosen = producers or tuple(PUBLISHED)
    return EventTypes([event for producer in chosen for event in PUBLISHED[producer]], UPCASTERS)


def bindings(consumer: str) -> list[str]:
    """The routing keys a consuming service's queue is bound to."""
    return routing_keys(CONSUMED[consumer])


def routing_keys(events: Iterable[type[Event]]) -> list[str]:
    """What events are published with: `files.FileUploaded`."""
    return [f"{producer_of(event)}.{event.type_name()}" for event in events]


def producer_of(event_type: type[Event]) -> str:
    return next(name for name, events in PUBLISHED.items() if event_type in events)
