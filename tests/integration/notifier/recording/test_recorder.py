"""Outcomes that can't be recorded: no mail is sent twice for that, and other mails go on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from services.notifier.recording.outcomes import INTERNAL_ERROR
from services.notifier.sending.sender import Sender
from shared.contracts.auth import AccountMailRequested, UserErased
from shared.contracts.http.auth import Contact
from shared.contracts.notifier import EmailFailed, EmailSent, EmailSuppressed
from shared.db import Database, DatabaseUnavailable
from shared.errors import Unavailable
from shared.web.client import ServiceUnavailable
from tests.integration.notifier.harness import NotifierHarness
from tests.support.administrator import Sql, administrator
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN, BOB, checked
from tests.support.proxy import proxy_to
from tests.support.smtp_server import Act

STREAM = "stream_id = 'mail-{}'"
# What an operator, a newer version or damage can leave behind.
DAMAGE = {
    "unreadable": f"UPDATE notifier.events SET schema_version = 99 WHERE {STREAM}",
    "hole": f"UPDATE notifier.events SET version = 2 WHERE {STREAM}",
    "gone": f"DELETE FROM notifier.events WHERE {STREAM}",
}
# No result of the mails of one person can be kept, or only those without the server's words.
REFUSE = """
CREATE FUNCTION notifier.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE 'not this one'; END$$;
CREATE TRIGGER refuse BEFORE INSERT ON notifier.events FOR EACH ROW
WHEN (NEW.type = 'EmailSent' AND {}) EXECUTE FUNCTION notifier.refuse()
"""
OF_ANN = f"NEW.metadata ->> 'user_id' = '{ANN}'"


@pytest_asyncio.fixture
async def sql(fresh_postgres: PrivateDatabase) -> AsyncIterator[Sql]:
    async with administrator(fresh_postgres, "notifier") as run:
        yield run


async def _ask(notifier: NotifierHarness, user_id: UUID = ANN) -> UUID:
    event = AccountMailRequested(user_id=user_id, request_id=uuid4(), kind="new_sign_in")
    return await notifier.queue_account_mail(event)


async def _run_until_idle(sender: Sender, most: int = 30) -> int:
    for steps in range(most):
        if not await sender.step():
            return steps
    raise AssertionError("there is no end to it")


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_a_mail_that_could_not_be_recorded_is_not_sent(
    notifier: NotifierHarness, sql: Sql, damage: str
) -> None:
    broken, good = await notifier.queue_new_sign_in(), await notifier.queue_result(checked(uuid4()))
    await sql(damage.format(broken))
    sender, waits = notifier.sender(), []
    for _ in range(8):
        assert await _run_until_idle(sender) in {1, 2}
        waits.append((await notifier.row(broken))["due_at"] - notifier.now)
        notifier.now += waits[-1]
    assert [wait.total_seconds() for wait in waits] == [5, 20, 80, 320, 1280, 5120, 5120, 5120]
    assert len(notifier.smtp.seen) == 1
    assert (await notifier.row(good))["state"] == "sent"


async def test_a_mail_whose_events_are_repaired_is_sent(
    notifier: NotifierHarness, sql: Sql
) -> None:
    broken = await notifier.queue_result(checked(uuid4()))
    await sql(DAMAGE["unreadable"].format(broken))
    sender = notifier.sender()
    assert await _run_until_idle(sender) == 1
    await sql(f"UPDATE notifier.events SET schema_version = 1 WHERE {STREAM.format(broken)}")
    notifier.now += timedelta(seconds=5)
    assert await _run_until_idle(sender) == 1
    assert isinstance((await notifier.events(broken))[-1], EmailSent)


async def test_a_sent_mail_with_a_due_row_is_not_sent_again(
    notifier: NotifierHarness, sql: Sql
) -> None:
    mail_id = await notifier.queue_result(checked(uuid4()))
    await notifier.send_all()
    await sql("UPDATE notifier.mails SET state = 'queued', due_at = now()")
    assert await _run_until_idle(notifier.sender()) == 1
    assert len(notifier.smtp.seen) == 1
    assert len(await notifier.events(mail_id)) == 2


async def test_an_accepted_mail_is_recorded_later_and_never_sent_again(
    notifier: NotifierHarness, sql: Sql
) -> None:
    taken, good = (
        await notifier.queue_new_sign_in(),
        await notifier.queue_result(checked(uuid4(), user_id=BOB)),
    )
    await sql(REFUSE.format(OF_ANN))
    then, sender = notifier.now, notifier.sender()
    for _ in range(8):
        await _run_until_idle(sender)
        notifier.now += timedelta(hours=2)
        sender = notifier.sender()  # another copy
    assert len(notifier.smtp.seen) == 2
    assert (await notifier.row(good))["state"] == "sent"
    assert (await notifier.row(taken))["state"] == "sending"
    await sql("DROP TRIGGER refuse ON notifier.events")
    assert await _run_until_idle(sender) == 1
    sent = (await notifier.events(taken))[-1]
    assert isinstance(sent, EmailSent)
    assert (sent.attempts, sent.sent_at) == (1, then)
    assert (await notifier.row(taken))["accepted"] is None
    assert len(notifier.smtp.seen) == 2


async def test_an_accepted_mail_is_recorded_while_auth_is_unavailable(
    notifier: NotifierHarness, sql: Sql
) -> None:
    taken = await notifier.queue_result(checked(uuid4()))
    await sql(REFUSE.format(OF_ANN))
    await _run_until_idle(notifier.sender())
    await sql("DROP TRIGGER refuse ON notifier.events")
    waiting = await notifier.queue_result(checked(uuid4()))
    notifier.auth.error = ServiceUnavailable()
    notifier.now += timedelta(seconds=5)
    sender = notifier.sender(in_hand=2)
    with pytest.raises(Unavailable):
        await sender.begin_step()
    await sender.wait_until_recorded()
    await notifier.consume(UserErased(user_id=ANN))
    assert isinstance((await notifier.events(taken))[-1], EmailSent)
    assert isinstance((await notifier.events(waiting))[-1], EmailSuppressed)


async def test_an_accepted_mail_of_an_erased_user_is_recorded_without_the_reply(
    notifier: NotifierHarness, sql: Sql
) -> None:
    notifier.smtp.acts["content"] = Act("250 Annie, of course")
    taken = await notifier.queue_result(checked(uuid4()))
    await sql(REFUSE.format(OF_ANN))
    await _run_until_idle(notifier.sender())
    assert "Annie" not in await notifier.dump()
    await notifier.consume(UserErased(user_id=ANN))
    await sql("DROP TRIGGER refuse ON notifier.events")
    notifier.now += timedelta(seconds=5)
    await _run_until_idle(notifier.sender())
    sent = (await notifier.events(taken))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.reply == ""
    assert "main.py" not in await notifier.dump()


async def test_an_accepted_mail_is_recorded_without_a_reply_that_cannot_be_stored(
    notifier: NotifierHarness, sql: Sql
) -> None:
    mail_id = await notifier.queue_result(checked(uuid4()))
    await sql(REFUSE.format("NEW.data ->> 'reply' LIKE '%as 42'"))
    assert await _run_until_idle(notifier.sender()) == 1
    sent = (await notifier.events(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.reply == ""


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("REVOKE INSERT ON {0}.events FROM {1}", "GRANT INSERT ON {0}.events TO {1}"),
        (
            "ALTER TABLE {0}.mails RENAME accepted TO t",
            "ALTER TABLE {0}.mails RENAME t TO accepted",
        ),
        ("ALTER ROLE {1} CONNECTION LIMIT 0", "ALTER ROLE {1} CONNECTION LIMIT -1"),
    ],
    ids=["no right", "no column", "no connection"],
)
async def test_recording_waits_for_what_postgres_lacks(
    notifier: NotifierHarness, sql: Sql, broken: str, mended: str
) -> None:
    notifier.smtp.acts["content"] = Act("250 2.0.0 taken", delay=0.5)
    mail_id = await notifier.queue_result(checked(uuid4()))
    names = ("notifier", "prereview_notifier")
    sending = asyncio.create_task(notifier.sender().step())
    async with asyncio.timeout(10):
        while not notifier.smtp.seen:
            await asyncio.sleep(0.02)
    await sql(broken.format(*names))
    await notifier.database.close()
    await asyncio.sleep(3)
    waited = not sending.done()
    await sql(mended.format(*names))
    assert waited
    assert await asyncio.wait_for(sending, 15)
    sent = (await notifier.events(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.reply == "250 2.0.0 taken"
    assert len(notifier.smtp.seen) == 1


async def test_while_the_database_is_unavailable_no_mail_is_sent(
    notifier: NotifierHarness, fresh_postgres: PrivateDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_id = await notifier.queue_result(checked(uuid4()))
    async with proxy_to(fresh_postgres.url("notifier")) as (proxy, url):
        database, find = Database(url), notifier.auth.find_one

        async def find_and_cut(user_id: UUID) -> Contact:
            await proxy.cut()
            return await find(user_id)

        sender = notifier.sender(database)
        with monkeypatch.context() as patch:
            patch.setattr(notifier.auth, "find_one", find_and_cut)
            with pytest.raises(DatabaseUnavailable):
                await sender.step()
        assert notifier.smtp.connections == 0
        await proxy.mend()
        assert not await sender.step()
        notifier.now += timedelta(seconds=5)
        assert await sender.step()
        await database.close()
    assert isinstance((await notifier.events(mail_id))[-1], EmailSent)


async def test_an_unexpected_error_of_auth_fails_one_mail(
    notifier: NotifierHarness,
) -> None:
    notifier.auth.error = RuntimeError("not a contact")
    mail_id = await notifier.queue_result(checked(uuid4()))
    sender = notifier.sender()
    assert await _run_until_idle(sender) == 1
    failed = (await notifier.events(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.reason == INTERNAL_ERROR
    assert failed.next_attempt_at == notifier.now + timedelta(minutes=1)
    notifier.now += timedelta(days=2)
    assert await _run_until_idle(sender) == 1
    assert (await notifier.row(mail_id))["state"] == "failed"


@pytest.mark.parametrize("held", [False, True])
async def test_a_user_is_erased_although_a_mail_cannot_be_ended(
    notifier: NotifierHarness, sql: Sql, held: bool
) -> None:
    notifier.auth.confirmed = not held
    broken = await notifier.queue_result(checked(uuid4()))
    if held:
        await notifier.send_all()
    others = [await notifier.queue_result(checked(uuid4())) for _ in range(25)]
    await sql(DAMAGE["unreadable"].format(broken))
    notifier.auth.gone.add(ANN)
    await notifier.consume(UserErased(user_id=ANN))
    for mail_id in others:
        assert isinstance((await notifier.events(mail_id))[-1], EmailSuppressed)
    assert (await notifier.row(broken))["result"] == {}
    assert await _run_until_idle(notifier.sender()) == 1
    await sql(f"UPDATE notifier.events SET schema_version = 1 WHERE {STREAM.format(broken)}")
    notifier.now += timedelta(seconds=5)
    assert await _run_until_idle(notifier.sender()) == 1
    assert isinstance((await notifier.events(broken))[-1], EmailSuppressed)
    assert notifier.smtp.connections == 0


async def test_mails_about_accounts_alternate_with_results(
    notifier: NotifierHarness,
) -> None:
    """However many there are, and whatever comes of them."""
    for _ in range(12):
        await notifier.queue_new_sign_in()
    notifier.auth.unwanted = True
    results = [await notifier.queue_result(checked(uuid4(), user_id=BOB)) for _ in range(3)]
    sender = notifier.sender()
    for _ in range(6):
        assert await sender.step()
    assert {(await notifier.row(mail_id))["state"] for mail_id in results} == {"sent"}
    assert await _run_until_idle(sender) == 9
