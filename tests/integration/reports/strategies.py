"""Hypothesis strategies: valid histories of two users, and the same events in another order."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st

from shared.contracts.auth import UserErased, UserRegistered
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.files import FileErased, FileRestored
from shared.contracts.notifier import EmailHeld, EmailQueued, EmailSent, EmailSuppressed
from shared.eventsourcing.event import Event
from shared.ids import derived_id
from tests.support.events import (
    ANN,
    BOB,
    FINDING,
    NOON,
    check_failed,
    checked,
    deleted,
    mail_failed,
    queued,
    recorded,
    replaced,
    sent,
    uploaded,
)
from tests.support.histories import Story, event_by_event, retelling

SECRET = "Анна-secret"
"""In every text of both: names of files, findings, replies of mail servers."""


@st.composite
def histories(draw: st.DrawFn) -> Story:
    """Files of Ann and Bob are replaced, deleted, restored, erased, checked and mailed about."""
    story: Story = []
    for user_id in (ANN, BOB):
        for number in range(draw(st.integers(1, 2))):
            story += _file(draw, user_id, derived_id("file", user_id, number))
        story += _account_mail(draw, user_id)
    return story


@st.composite
def reordered_histories(draw: st.DrawFn) -> tuple[list[Story], list[Story]]:
    """A history event by event, and the same events reordered, repeated and batched."""
    story = draw(histories())
    return event_by_event(story), draw(retelling(story))


@st.composite
def histories_with_an_erasure(draw: st.DrawFn) -> tuple[list[Story], list[Story]]:
    """The events of Bob alone; those of both and Ann's erasure, reordered and batched."""
    story = draw(histories())
    ends = _stream(f"user-{ANN}", [UserRegistered(user_id=ANN, language="ru"), _ERASED])
    of_bob = [event for event in story if event.metadata.user_id == BOB]
    return event_by_event(of_bob), draw(retelling(story + ends))


_ERASED = UserErased(user_id=ANN)


def _file(draw: st.DrawFn, user_id: UUID, file_id: UUID) -> Story:
    version, is_deleted = 1, False
    events: list[Event] = [uploaded(file_id, user_id, SECRET)]
    for _ in range(draw(st.integers(0, 5))):
        if is_deleted:
            events.append(FileRestored(file_id=file_id, user_id=user_id, version=version))
            is_deleted = False
        elif draw(st.booleans()):
            version += 1
            events.append(replaced(file_id, version, user_id, SECRET))
        else:
            events.append(deleted(file_id, version, user_id))
            is_deleted = True
    if is_deleted and draw(st.booleans()):
        events.append(FileErased(file_id=file_id, user_id=user_id, version=version))
    checks = [
        _check(draw, user_id, file_id, number, repetition)
        for number in range(1, version + 1)
        for repetition in range(draw(st.integers(0, 2)))
    ]
    story = _stream(f"file-{file_id}", events) + _stream(f"checks-{file_id}", checks)
    for check in checks:
        story += _mail(draw, user_id, check.check_id)
    return story


def _check(
    draw: st.DrawFn, user_id: UUID, file_id: UUID, version: int, repetition: int
) -> FileChecked | CheckFailed:
    check_id = derived_id("check", file_id, version, repetition)
    named = {"file_name": SECRET}
    if draw(st.integers(0, 3)) == 0:
        failed = check_failed(file_id, version, user_id, check_id=check_id)
        return failed.model_copy(update=named)
    judged = {
        "verdict": draw(st.sampled_from(["ready", "not_ready"])),
        "findings": [FINDING.model_copy(update={"message": SECRET})],
    }
    made = checked(file_id, version, user_id, check_id=check_id)
    return made.model_copy(update=named | judged)


def _mail(draw: st.DrawFn, user_id: UUID, check_id: UUID) -> Story:
    mail_id = derived_id("mail", check_id)
    events: list[Event] = [queued(mail_id, check_id, user_id)]
    if draw(st.booleans()):
        events.append(EmailHeld(mail_id=mail_id, user_id=user_id, check_id=check_id))
    tries = draw(st.integers(0, 2))
    for attempt in range(1, tries + 1):
        failed = mail_failed(mail_id, check_id, attempt, user_id=user_id)
        events.append(failed.model_copy(update={"reason": SECRET}))
    if draw(st.booleans()):
        done = sent(mail_id, check_id, tries + 1, user_id)
        events.append(done.model_copy(update={"reply": SECRET}))
    return _stream(f"mail-{mail_id}", events)


def _account_mail(draw: st.DrawFn, user_id: UUID) -> Story:
    mail_id = derived_id("account mail", user_id)
    ends = (
        EmailSent(
            mail_id=mail_id,
            user_id=user_id,
            message_id="<1@example.org>",
            attempts=1,
            reply=SECRET,
            sent_at=NOON,
        ),
        EmailSuppressed(mail_id=mail_id, user_id=user_id, reason="expired"),
    )
    begins = EmailQueued(mail_id=mail_id, user_id=user_id, kind="confirm_email")
    return _stream(f"mail-{mail_id}", [begins, draw(st.sampled_from(ends))])


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
