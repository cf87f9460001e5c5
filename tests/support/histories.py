"""Valid histories of a user's files, their checks and mails, as Hypothesis draws them."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import strategies as st

from shared.contracts.checker import CheckFailed, FileChecked
from shared.eventsourcing.event import Event, RecordedEvent
from shared.ids import derived_id
from tests.support.events import (
    NOON,
    check_failed,
    checked,
    deleted,
    erased,
    mail_failed,
    queued,
    recorded,
    replaced,
    restored,
    sent,
    uploaded,
)

Story = list[RecordedEvent]


@st.composite
def file_stories(draw: st.DrawFn) -> Story:
    """Up to three files, replaced, checked and mailed about; some deleted, restored, erased."""
    story: Story = []
    for number in range(draw(st.integers(1, 3))):
        story += _file(draw, derived_id("file", number))
    return story


def _file(draw: st.DrawFn, file_id: UUID) -> Story:
    versions = draw(st.integers(1, 4))
    life: list[Event] = [uploaded(file_id)]
    for version in range(1, versions + 1):
        if version > 1:
            life.append(replaced(file_id, version))
        if draw(st.integers(0, 3)) == 0:
            life += [deleted(file_id, version), restored(file_id, version)]
    if draw(st.booleans()):
        life.append(deleted(file_id, versions))
        if draw(st.booleans()):
            life.append(erased(file_id, versions))
    story = _stream(f"file-{file_id}", life)
    checks = [_check(draw, file_id, version) for version in range(1, versions + 1)]
    chosen = [check for check in checks if draw(st.booleans())]
    story += _stream(f"checks-{file_id}", chosen)
    for check in chosen:
        mail_id, check_id = derived_id("mail", check.check_id), check.check_id
        life = [queued(mail_id, check_id)]
        tries = draw(st.integers(0, 3))
        life += [mail_failed(mail_id, check_id, attempt) for attempt in range(1, tries + 1)]
        if draw(st.booleans()):
            life.append(sent(mail_id, check_id, tries + 1))
        elif draw(st.booleans()):
            life.append(mail_failed(mail_id, check_id, tries + 1, final=True))
        story += _stream(f"mail-{mail_id}", life)
    return story


def _check(draw: st.DrawFn, file_id: UUID, version: int) -> FileChecked | CheckFailed:
    make = check_failed if draw(st.integers(0, 3)) == 0 else checked
    return make(file_id, version, check_id=derived_id("check", file_id, version))


def _stream(stream_id: str, events: Sequence[Event]) -> Story:
    return [
        recorded(
            event,
            stream_id,
            version,
            at=NOON + timedelta(minutes=version),
            event_id=derived_id(stream_id, version),
        )
        for version, event in enumerate(events, start=1)
    ]


@st.composite
def retold(draw: st.DrawFn) -> tuple[list[Story], list[Story]]:
    """A story event by event, and the same events as `retelling` has them."""
    story = draw(file_stories())
    return event_by_event(story), draw(retelling(story))


@st.composite
def retelling(draw: st.DrawFn, story: Story) -> list[Story]:
    """The events in any order, any of them more than once, cut into any batches."""
    twice = draw(st.lists(st.sampled_from(story), max_size=6))
    told = draw(st.permutations(story + twice))
    cuts = sorted(draw(st.sets(st.integers(1, len(told)), max_size=8)) | {0, len(told)})
    return [told[start:end] for start, end in pairwise(cuts)]


def event_by_event(story: Story) -> list[Story]:
    return [[recorded] for recorded in story]
