"""The decisions about a mail, and when the next attempt is due."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from services.notifier.domain.mail import (
    MAIL,
    Attempt,
    Mail,
    failed,
    hold,
    impersonal,
    mail_id_for,
    next_attempt,
    queue,
    sent,
    suppressed,
)
from shared.contracts.notifier import (
    EmailFailed,
    EmailHeld,
    EmailQueued,
    EmailSent,
    EmailSuppressed,
)
from shared.eventsourcing.event import Event
from shared.eventsourcing.testing import given
from tests.support.events import ANN, NOON

CHECK = UUID("1b9a1f4c-7c1d-4f3b-a1f5-6f2f5b0c7d03")
ID = mail_id_for(CHECK)
QUEUED = EmailQueued(mail_id=ID, user_id=ANN, kind="check_result", check_id=CHECK)
SENT = EmailSent(
    mail_id=ID,
    user_id=ANN,
    check_id=CHECK,
    message_id="<m@example.org>",
    attempts=1,
    reply="250 ok",
    sent_at=NOON,
)
HELD = EmailHeld(mail_id=ID, user_id=ANN, check_id=CHECK)
SUPPRESSED = EmailSuppressed(mail_id=ID, user_id=ANN, check_id=CHECK, reason="user_unknown")
FIRST = Attempt(1, NOON, NOON)
SEND = partial(sent, attempt=FIRST, message_id="<m@example.org>", reply="250 ok")
Command = Callable[[Mail], Sequence[Event]]


def _failed(attempts: int = 1, after: timedelta | None = None) -> EmailFailed:
    return EmailFailed(
        mail_id=ID,
        user_id=ANN,
        check_id=CHECK,
        attempts=attempts,
        reason="450 grey",
        next_attempt_at=None if after is None else NOON + after,
    )


def test_a_check_leads_to_one_mail() -> None:
    command = partial(queue, mail_id=ID, user_id=ANN, kind="check_result", check_id=CHECK)
    given(MAIL).when(command).then(QUEUED)
    given(MAIL, QUEUED).when(command).then()
    given(MAIL, QUEUED, SENT).when(command).then()


def test_the_id_of_a_mail_is_derived_from_its_check() -> None:
    assert mail_id_for(CHECK) == mail_id_for(UUID(str(CHECK)))
    assert mail_id_for(CHECK) != mail_id_for(uuid4())


def test_a_request_of_auths_leads_to_one_mail_of_its_kind() -> None:
    mail_id = mail_id_for(CHECK, "reset_password")
    assert len({mail_id, ID, mail_id_for(CHECK, "new_sign_in")}) == 3
    command = partial(queue, mail_id=mail_id, user_id=ANN, kind="reset_password")
    queued = EmailQueued(mail_id=mail_id, user_id=ANN, kind="reset_password")
    given(MAIL).when(command).then(queued)
    given(MAIL, queued).when(command).then()


def test_a_mail_is_held_once_and_may_still_be_sent() -> None:
    given(MAIL, QUEUED).when(hold).then(HELD)
    given(MAIL, QUEUED, HELD).when(hold).then()
    given(MAIL, QUEUED, HELD).when(SEND).then(SENT)
    given(MAIL, QUEUED, HELD).when(partial(suppressed, reason="user_unknown")).then(SUPPRESSED)


def test_events_about_an_erased_user_have_no_personal_fields() -> None:
    given(MAIL, QUEUED).when(impersonal(SEND)).then(SENT.model_copy(update={"reply": ""}))
    command = partial(failed, attempt=FIRST, reason="450 grey", permanent=True)
    given(MAIL, QUEUED).when(impersonal(command)).then(_failed().model_copy(update={"reason": ""}))
    given(MAIL, QUEUED, SENT).when(impersonal(SEND)).then()


def test_an_accepted_mail_is_sent() -> None:
    given(MAIL, QUEUED).when(SEND).then(SENT)


def test_a_mail_may_be_sent_after_failures() -> None:
    history = [QUEUED, _failed(1, timedelta(minutes=1))]
    command = partial(SEND, attempt=Attempt(2, NOON, NOON))
    given(MAIL, *history).when(command).then(SENT.model_copy(update={"attempts": 2}))


def test_a_temporary_failure_names_the_next_attempt() -> None:
    command = partial(failed, attempt=FIRST, reason="450 grey", permanent=False)
    given(MAIL, QUEUED).when(command).then(_failed(1, timedelta(minutes=1)))


def test_a_permanent_failure_closes_the_mail() -> None:
    command = partial(failed, attempt=FIRST, reason="450 grey", permanent=True)
    given(MAIL, QUEUED).when(command).then(_failed())


def test_a_mail_without_a_reader_is_suppressed() -> None:
    given(MAIL, QUEUED).when(partial(suppressed, reason="user_unknown")).then(SUPPRESSED)


@pytest.mark.parametrize("end", [SENT, SUPPRESSED, _failed()], ids=lambda e: e.type_name())
@pytest.mark.parametrize(
    "command",
    [
        partial(failed, attempt=FIRST, reason="450 grey", permanent=False),
        partial(suppressed, reason="unsubscribed"),
        hold,
    ],
    ids=["failed", "suppressed", "held"],
)
def test_a_closed_mail_stays_closed(end: Event, command: Command) -> None:
    given(MAIL, QUEUED, end).when(command).then()


@pytest.mark.parametrize("end", [SUPPRESSED, _failed()], ids=lambda e: e.type_name())
def test_an_accepted_mail_was_sent_although_another_copy_gave_it_up(end: Event) -> None:
    given(MAIL, QUEUED, end).when(SEND).then(SENT)
    given(MAIL, QUEUED, end, SENT).when(SEND).then()


@pytest.mark.parametrize(
    "command",
    [SEND, partial(suppressed, reason="user_unknown"), hold],
    ids=["sent", "suppressed", "held"],
)
def test_a_mail_that_was_never_queued_has_no_events(command: Command) -> None:
    given(MAIL).when(command).then()


@pytest.mark.parametrize(
    ("number", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 60), (5, 240), (6, 240), (11, 240)]
)
def test_each_wait_is_longer_up_to_four_hours(number: int, minutes: int) -> None:
    assert next_attempt(Attempt(number, NOON, NOON)) == NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("number", "seconds"), [(1, 0), (2, 10), (3, 60), (4, 300), (7, 14_400), (20, 14_400)]
)
def test_after_a_failed_connection_a_mail_waits_less(number: int, seconds: int) -> None:
    found = next_attempt(Attempt(number, NOON, NOON), connection_failed=True)
    assert found == NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("minutes", "goes_on"), [(43 * 60, True), (44 * 60, True), (44 * 60 + 1, False)]
)
def test_after_two_days_there_is_no_other_attempt(minutes: int, *, goes_on: bool) -> None:
    found = next_attempt(Attempt(9, NOON, NOON + timedelta(minutes=minutes)))
    assert (found is not None) == goes_on


@pytest.mark.parametrize(("connection_failed", "number"), [(False, 16), (True, 18)])
def test_the_number_of_attempts_in_two_days(*, connection_failed: bool, number: int) -> None:
    now: datetime | None = NOON
    tries: list[datetime] = []
    while now is not None:
        tries.append(now)
        now = next_attempt(Attempt(len(tries), NOON, now), connection_failed=connection_failed)
    assert len(tries) == number
    assert tries[-1] - NOON <= timedelta(hours=48)
