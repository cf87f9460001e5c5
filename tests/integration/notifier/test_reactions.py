"""Each check and request leads to one mail, in any order of events and any sets."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.domain.mail import EVENTS, mail_id_for
from services.notifier.projections import MAILS
from services.notifier.reactions import reacting
from shared.clock import utc_now
from shared.contracts.auth import AccountMailRequested, EmailConfirmed, UserErased
from shared.contracts.checker import CheckFailed, FileChecked
from shared.eventsourcing.causation import caused_by_event
from shared.eventsourcing.event import Event, EventTypes, Metadata, RecordedEvent
from shared.eventsourcing.store import EventStore
from shared.ids import derived_id
from tests.integration.conftest import Pools
from tests.support.events import ANN, BOB, check_failed, checked, recorded
from tests.support.histories import Story, event_by_event, retelling
from tests.support.readmodels import Tables, after

REACT = reacting(EventStore(EventTypes(EVENTS), [MAILS]), utc_now)
_SAID = "(SELECT stream_id, version, type, metadata FROM events)"
_MAILS = """(
    SELECT mail_id, user_id, kind, check_id, request_id, type, result, state, due_at IS NULL,
           correlation_id, causation_id, traceparent
    FROM mails)"""
_ERASED = "(SELECT user_id FROM erased_users)"
TABLES = (_MAILS, "confirmed_users", _ERASED, _SAID)


@st.composite
def retold(draw: st.DrawFn) -> tuple[Story, list[Story]]:
    """What happens to checks and accounts of two people, one of whom may be erased."""
    events: list[Event] = []
    for user_id in (ANN, BOB):
        events += [_check(draw, user_id, number) for number in range(draw(st.integers(0, 3)))]
        if draw(st.booleans()):
            request_id = derived_id("request", user_id)
            events.append(
                AccountMailRequested(user_id=user_id, request_id=request_id, kind="confirm_email")
            )
        if draw(st.booleans()):
            events.append(EmailConfirmed(user_id=user_id))
    if not events or draw(st.booleans()):
        events.append(UserErased(user_id=ANN))
    story = [_told(event, number) for number, event in enumerate(events)]
    return story, draw(retelling(story))


def _check(draw: st.DrawFn, user_id: UUID, number: int) -> FileChecked | CheckFailed:
    make = check_failed if draw(st.booleans()) else checked
    file_id = derived_id("file", user_id, number)
    return make(file_id, 1, user_id, check_id=derived_id("check", file_id))


def _told(event: Event, number: int) -> RecordedEvent:
    """Each in a request and a trace of its own."""
    told = recorded(event, f"stream-{number}", event_id=derived_id("event", number))
    request, trace = derived_id("correlation", number), f"00-{number + 1:032x}-{number + 1:016x}-01"
    metadata = Metadata(told.metadata.user_id, correlation_id=request, traceparent=trace)
    return replace(told, metadata=metadata)


async def test_any_order_and_repetition_in_any_batches_end_in_the_same_mails(
    pools: Pools,
) -> None:
    database, loop = pools("notifier"), asyncio.get_running_loop()

    def end_of(batches: list[Story]) -> Tables:
        told = after(database, TABLES, REACT, batches)
        return asyncio.run_coroutine_threadsafe(told, loop).result(30)

    @settings(max_examples=40, deadline=None)
    @given(retold())
    def holds(stories: tuple[Story, list[Story]]) -> None:
        story, batches = stories
        one_by_one, in_sets = end_of(event_by_event(story)), end_of(batches)
        for table in TABLES[:-1]:
            assert in_sets[table] == one_by_one[table]
        assert _streams(in_sets) == _streams(one_by_one)
        assert _causes(in_sets) == {
            f"mail-{mail_id}": caused_by_event(told)
            for told in story
            if (mail_id := _mail_id(told))
        }

    await asyncio.to_thread(holds)


def _streams(tables: Tables) -> list[tuple[Any, ...]]:
    return sorted((row["stream_id"], row["version"], row["type"]) for row in tables[_SAID])


def _causes(tables: Tables) -> dict[str, Metadata]:
    """What led to each mail."""
    queued = [row for row in tables[_SAID] if row["type"] == "EmailQueued"]
    causes = {row["stream_id"]: Metadata.from_json(row["metadata"]) for row in queued}
    return {stream_id: replace(cause, user_id=None) for stream_id, cause in causes.items()}


def _mail_id(told: RecordedEvent) -> UUID | None:
    match told.event:
        case FileChecked() | CheckFailed() as event:
            return mail_id_for(event.check_id)
        case AccountMailRequested() as event:
            return mail_id_for(event.request_id, event.kind)
    return None
