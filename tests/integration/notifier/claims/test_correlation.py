"""Events about a mail belong to the request that caused it, however long it waits."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from services.notifier.claims.due_mails import LEASE
from services.notifier.domain.mail import mail_id_for
from shared.context import causation_id, correlation_id
from shared.contracts.auth import AccountMailRequested, EmailConfirmed, UserErased
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.http.auth import Contact
from shared.contracts.notifier import EmailFailed, EmailHeld, EmailSent, EmailSuppressed
from shared.eventsourcing.event import Event
from shared.telemetry import traceparent
from tests.integration.notifier.harness import NotifierHarness
from tests.support.events import ANN, check_failed, checked
from tests.support.smtp_server import Act

REQUEST = UUID("c0a1b2c3-0000-4000-8000-000000000001")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


async def _consume_request(notifier: NotifierHarness, event: Event) -> UUID:
    told = await notifier.consume(event, correlation_id=REQUEST, traceparent=PARENT)
    return told.event_id


async def _assert_correlated(
    notifier: NotifierHarness, mail_id: UUID, *told: type[Event], cause: UUID
) -> None:
    history = (await notifier.recorded_events(mail_id))[1:]
    assert [type(recorded.event) for recorded in history] == list(told)
    for recorded in history:
        assert recorded.metadata.correlation_id == REQUEST
        assert recorded.metadata.causation_id == cause
        assert TRACE in (recorded.metadata.traceparent or "")
        assert recorded.metadata.user_id == ANN


@pytest.mark.parametrize("make", [checked, check_failed], ids=["checked", "failed"])
async def test_all_events_of_a_result_mail_belong_to_the_upload(
    notifier: NotifierHarness, make: Callable[[UUID], FileChecked | CheckFailed]
) -> None:
    check = make(uuid4())
    cause = await _consume_request(notifier, check)
    notifier.auth.confirmed = False
    await notifier.send_all()
    notifier.auth.confirmed = True
    await notifier.consume(EmailConfirmed(user_id=ANN), correlation_id=uuid4())
    notifier.smtp.acts["rcpt"] = Act("450 grey")
    await notifier.send_all()
    del notifier.smtp.acts["rcpt"]
    notifier.now += LEASE
    await notifier.send_all()
    mail_id = mail_id_for(check.check_id)
    await _assert_correlated(notifier, mail_id, EmailHeld, EmailFailed, EmailSent, cause=cause)


async def test_a_mail_about_the_account_belongs_to_its_request(notifier: NotifierHarness) -> None:
    request = AccountMailRequested(user_id=ANN, request_id=uuid4(), kind="confirm_email")
    cause = await _consume_request(notifier, request)
    notifier.auth.unwanted = True
    await notifier.send_all()
    mail_id = await notifier.queue_account_mail(request)
    await _assert_correlated(notifier, mail_id, EmailSuppressed, cause=cause)


async def test_auth_is_called_with_the_correlation_of_the_request_only(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    cause = await _consume_request(notifier, checked(uuid4()))
    await notifier.queue_result(checked(uuid4()))
    seen: list[tuple[UUID | None, UUID | None, bool]] = []
    find = notifier.auth.find_one

    async def look(user_id: UUID) -> Contact:
        seen.append((correlation_id.get(), causation_id.get(), TRACE in (traceparent() or "")))
        return await find(user_id)

    monkeypatch.setattr(notifier.auth, "find_one", look)
    sender = notifier.sender()
    assert await sender.step()
    assert (correlation_id.get(), causation_id.get()) == (None, None)
    assert await sender.step()
    assert seen[0] == (REQUEST, cause, True)
    assert seen[1][0] is None
    assert not seen[1][2]


async def test_the_end_of_a_mail_by_an_erasure_belongs_to_the_erasure(
    notifier: NotifierHarness,
) -> None:
    mail_id = await notifier.queue_result(checked(uuid4()))
    erasure = uuid4()
    await notifier.consume(UserErased(user_id=ANN), correlation_id=erasure)
    end = (await notifier.recorded_events(mail_id))[-1]
    assert isinstance(end.event, EmailSuppressed)
    assert end.metadata.correlation_id == erasure
