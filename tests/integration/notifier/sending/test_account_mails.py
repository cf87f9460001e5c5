"""Mails requested by auth: links are created when a mail is sent, and stored nowhere."""

from email import message_from_bytes
from typing import get_args
from uuid import UUID, uuid4

import pytest

from services.notifier.claims.due_mails import LEASE
from shared.contracts.auth import AccountMailKind, AccountMailRequested
from shared.contracts.notifier import EmailFailed, EmailQueued, EmailSent, EmailSuppressed
from shared.errors import Unavailable
from shared.web.client import ServiceUnavailable
from tests.integration.notifier.harness import ADDRESS, NotifierHarness
from tests.support.events import ANN
from tests.support.smtp_server import Act, ReceivedMail


def asked_for(kind: AccountMailKind = "reset_password") -> AccountMailRequested:
    return AccountMailRequested(user_id=ANN, request_id=uuid4(), kind=kind)


def text_in(mail: ReceivedMail) -> str:
    message = message_from_bytes(mail.content)
    plain = next(part for part in message.walk() if part.get_content_type() == "text/plain")
    payload = plain.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


async def test_a_request_leads_to_one_mail_whether_the_address_is_confirmed_or_not(
    notifier: NotifierHarness,
) -> None:
    notifier.auth.confirmed = False
    for number, kind in enumerate(get_args(AccountMailKind), start=1):
        request = asked_for(kind)
        mail_id = await notifier.queue_account_mail(request, times=3)
        await notifier.send_all()
        assert len(notifier.smtp.taken) == number
        assert notifier.smtp.taken[-1].recipients == [ADDRESS]
        queued, sent = await notifier.events(mail_id)
        assert queued == EmailQueued(mail_id=mail_id, user_id=ANN, kind=kind)
        assert isinstance(sent, EmailSent)
        assert sent.check_id is None
        row = await notifier.row(mail_id)
        assert (row["state"], row["request_id"]) == ("sent", request.request_id)


async def test_the_link_is_in_the_mail_and_nowhere_else(notifier: NotifierHarness) -> None:
    notifier.smtp.acts["rcpt"] = Act("450 grey")
    await notifier.queue_account_mail(asked_for())
    await notifier.send_all()
    del notifier.smtp.acts["rcpt"]
    notifier.now += LEASE
    await notifier.send_all()
    [mail] = notifier.smtp.taken
    link = "https://prereview.example/reset-password/secret-2"
    assert f"{link}\n" in text_in(mail).replace("\r\n", "\n")
    kept = await notifier.dump()
    assert "EmailSent" in kept
    assert "secret" not in kept
    assert ADDRESS not in kept


async def test_a_mail_that_auth_no_longer_wants_is_suppressed(notifier: NotifierHarness) -> None:
    notifier.auth.unwanted = True
    mail_id = await notifier.queue_account_mail(asked_for("confirm_email"))
    await notifier.send_all()
    suppressed = (await notifier.events(mail_id))[-1]
    assert isinstance(suppressed, EmailSuppressed)
    assert suppressed.reason == "expired"
    assert notifier.smtp.connections == 0
    assert (await notifier.row(mail_id))["state"] == "suppressed"


async def test_while_auth_is_away_a_mail_waits_and_no_attempt_counts(
    notifier: NotifierHarness,
) -> None:
    notifier.auth.error = ServiceUnavailable()
    mail_id = await notifier.queue_account_mail(asked_for())
    with pytest.raises(Unavailable):
        await notifier.sender().step()
    row = await notifier.row(mail_id)
    assert (row["state"], row["attempts"]) == ("queued", 0)
    notifier.auth.error = None
    notifier.now += LEASE
    await notifier.send_all()
    assert (await notifier.row(mail_id))["attempts"] == 1


async def test_a_second_attempt_has_the_same_message_id_and_a_new_link(
    notifier: NotifierHarness,
) -> None:
    """The server may have taken the first one, too."""
    notifier.smtp.acts["content"] = Act(then="drop")
    mail_id = await notifier.queue_account_mail(asked_for())
    await notifier.send_all()
    failed = (await notifier.events(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert "after the whole mail was sent" in failed.reason
    del notifier.smtp.acts["content"]
    notifier.now += LEASE
    await notifier.send_all()
    first, second = notifier.smtp.seen
    ids = {message_from_bytes(mail.content)["Message-ID"] for mail in (first, second)}
    assert len(ids) == 1
    assert "/secret-1" in text_in(first)
    assert "/secret-2" in text_in(second)


async def test_a_mail_without_its_link_is_tried_again(
    notifier: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of auth's, which an update may mend."""
    make = notifier.auth.account_mail

    async def forget_token(request_id: UUID) -> object:
        return (await make(request_id)).model_copy(update={"token": None})

    monkeypatch.setattr(notifier.auth, "account_mail", forget_token)
    mail_id = await notifier.queue_account_mail(asked_for())
    await notifier.send_all()
    failed = (await notifier.events(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at is not None
    assert notifier.smtp.connections == 0
