"""Mails about which nothing can be recorded: none is sent again and again, and others pass."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from services.notifier.recording.failed_outcomes import OUR_FAULT
from services.notifier.sending.sender import Sender
from shared.contracts.auth import AccountMailRequested, UserErased
from shared.contracts.http.auth import Contact
from shared.contracts.notifier import EmailFailed, EmailSent, EmailSuppressed
from shared.db import Database, DatabaseUnavailable
from shared.errors import Unavailable
from shared.web.client import ServiceAway
from tests.integration.notifier.story import Story
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


async def _ask(story: Story, user_id: UUID = ANN) -> UUID:
    event = AccountMailRequested(user_id=user_id, request_id=uuid4(), kind="new_sign_in")
    return await story.request(event)


async def _drain(sender: Sender, most: int = 30) -> int:
    for steps in range(most):
        if not await sender.step():
            return steps
    raise AssertionError("there is no end to it")


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_before_the_server_is_told_anything_it_is_known_whether_it_can_be_recorded(
    story: Story, sql: Sql, damage: str
) -> None:
    broken, good = await _ask(story), await story.happen(checked(uuid4()))
    await sql(damage.format(broken))
    sender, waits = story.sender(), []
    for _ in range(8):
        assert await _drain(sender) in {1, 2}
        waits.append((await story.row(broken))["due_at"] - story.now)
        story.now += waits[-1]
    assert [wait.total_seconds() for wait in waits] == [5, 20, 80, 320, 1280, 5120, 5120, 5120]
    assert len(story.smtp.seen) == 1
    assert (await story.row(good))["state"] == "sent"


async def test_what_can_be_read_again_is_sent(story: Story, sql: Sql) -> None:
    broken = await story.happen(checked(uuid4()))
    await sql(DAMAGE["unreadable"].format(broken))
    sender = story.sender()
    assert await _drain(sender) == 1
    await sql(f"UPDATE notifier.events SET schema_version = 1 WHERE {STREAM.format(broken)}")
    story.now += timedelta(seconds=5)
    assert await _drain(sender) == 1
    assert isinstance((await story.life(broken))[-1], EmailSent)


async def test_a_mail_that_was_sent_and_is_due_all_the_same_is_not_sent_again(
    story: Story, sql: Sql
) -> None:
    mail_id = await story.happen(checked(uuid4()))
    await story.send_all()
    await sql("UPDATE notifier.mails SET state = 'queued', due_at = now()")
    assert await _drain(story.sender()) == 1
    assert len(story.smtp.seen) == 1
    assert len(await story.life(mail_id)) == 2


async def test_what_the_server_took_is_recorded_later_and_never_sent_again(
    story: Story, sql: Sql
) -> None:
    taken, good = await _ask(story), await story.happen(checked(uuid4(), user_id=BOB))
    await sql(REFUSE.format(OF_ANN))
    then, sender = story.now, story.sender()
    for _ in range(8):
        await _drain(sender)
        story.now += timedelta(hours=2)
        sender = story.sender()  # another copy
    assert len(story.smtp.seen) == 2
    assert (await story.row(good))["state"] == "sent"
    assert (await story.row(taken))["state"] == "sending"
    await sql("DROP TRIGGER refuse ON notifier.events")
    assert await _drain(sender) == 1
    sent = (await story.life(taken))[-1]
    assert isinstance(sent, EmailSent)
    assert (sent.attempts, sent.sent_at) == (1, then)
    assert (await story.row(taken))["taken"] is None
    assert len(story.smtp.seen) == 2


async def test_what_the_server_took_is_recorded_while_auth_is_away(story: Story, sql: Sql) -> None:
    taken = await story.happen(checked(uuid4()))
    await sql(REFUSE.format(OF_ANN))
    await _drain(story.sender())
    await sql("DROP TRIGGER refuse ON notifier.events")
    waiting = await story.happen(checked(uuid4()))
    story.auth.error = ServiceAway()
    story.now += timedelta(seconds=5)
    sender = story.sender(in_hand=2)
    with pytest.raises(Unavailable):
        await sender.begin()
    await sender.settled()
    await story.hear(UserErased(user_id=ANN))
    assert isinstance((await story.life(taken))[-1], EmailSent)
    assert isinstance((await story.life(waiting))[-1], EmailSuppressed)


async def test_what_was_taken_of_somebody_who_is_erased_is_recorded_without_words(
    story: Story, sql: Sql
) -> None:
    story.smtp.acts["content"] = Act("250 Annie, of course")
    taken = await story.happen(checked(uuid4()))
    await sql(REFUSE.format(OF_ANN))
    await _drain(story.sender())
    assert "Annie" not in await story.everything_kept()
    await story.hear(UserErased(user_id=ANN))
    await sql("DROP TRIGGER refuse ON notifier.events")
    story.now += timedelta(seconds=5)
    await _drain(story.sender())
    sent = (await story.life(taken))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.reply == ""
    assert "main.py" not in await story.everything_kept()


async def test_without_the_servers_words_if_it_is_they_that_cannot_be_kept(
    story: Story, sql: Sql
) -> None:
    mail_id = await story.happen(checked(uuid4()))
    await sql(REFUSE.format("NEW.data ->> 'reply' LIKE '%as 42'"))
    assert await _drain(story.sender()) == 1
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.reply == ""


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("REVOKE INSERT ON {0}.events FROM {1}", "GRANT INSERT ON {0}.events TO {1}"),
        ("ALTER TABLE {0}.mails RENAME taken TO t", "ALTER TABLE {0}.mails RENAME t TO taken"),
        ("ALTER ROLE {1} CONNECTION LIMIT 0", "ALTER ROLE {1} CONNECTION LIMIT -1"),
    ],
    ids=["no right", "no column", "no connection"],
)
async def test_what_postgres_lacks_is_waited_for(
    story: Story, sql: Sql, broken: str, mended: str
) -> None:
    story.smtp.acts["content"] = Act("250 2.0.0 taken", delay=0.5)
    mail_id = await story.happen(checked(uuid4()))
    names = ("notifier", "prereview_notifier")
    sending = asyncio.create_task(story.sender().step())
    async with asyncio.timeout(10):
        while not story.smtp.seen:
            await asyncio.sleep(0.02)
    await sql(broken.format(*names))
    await story.database.close()
    await asyncio.sleep(3)
    waited = not sending.done()
    await sql(mended.format(*names))
    assert waited
    assert await asyncio.wait_for(sending, 15)
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.reply == "250 2.0.0 taken"
    assert len(story.smtp.seen) == 1


async def test_while_the_database_is_away_no_mail_server_is_told_anything(
    story: Story, fresh_postgres: PrivateDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_id = await story.happen(checked(uuid4()))
    async with proxy_to(fresh_postgres.url("notifier")) as (proxy, url):
        database, find = Database(url), story.auth.find_one

        async def find_and_cut(user_id: UUID) -> Contact:
            await proxy.cut()
            return await find(user_id)

        sender = story.sender(database)
        with monkeypatch.context() as patch:
            patch.setattr(story.auth, "find_one", find_and_cut)
            with pytest.raises(DatabaseUnavailable):
                await sender.step()
        assert story.smtp.connections == 0
        await proxy.mend()
        assert not await sender.step()
        story.now += timedelta(seconds=5)
        assert await sender.step()
        await database.close()
    assert isinstance((await story.life(mail_id))[-1], EmailSent)


async def test_an_answer_of_auths_that_nobody_understands_harms_one_mail(story: Story) -> None:
    story.auth.error = RuntimeError("not a contact")
    mail_id = await story.happen(checked(uuid4()))
    sender = story.sender()
    assert await _drain(sender) == 1
    failed = (await story.life(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.reason == OUR_FAULT
    assert failed.next_attempt_at == story.now + timedelta(minutes=1)
    story.now += timedelta(days=2)
    assert await _drain(sender) == 1
    assert (await story.row(mail_id))["state"] == "failed"


@pytest.mark.parametrize("held", [False, True])
async def test_somebody_is_forgotten_although_a_mail_cannot_be_ended(
    story: Story, sql: Sql, held: bool
) -> None:
    story.auth.confirmed = not held
    broken = await story.happen(checked(uuid4()))
    if held:
        await story.send_all()
    others = [await story.happen(checked(uuid4())) for _ in range(25)]
    await sql(DAMAGE["unreadable"].format(broken))
    story.auth.gone.add(ANN)
    await story.hear(UserErased(user_id=ANN))
    for mail_id in others:
        assert isinstance((await story.life(mail_id))[-1], EmailSuppressed)
    assert (await story.row(broken))["result"] == {}
    assert await _drain(story.sender()) == 1
    await sql(f"UPDATE notifier.events SET schema_version = 1 WHERE {STREAM.format(broken)}")
    story.now += timedelta(seconds=5)
    assert await _drain(story.sender()) == 1
    assert isinstance((await story.life(broken))[-1], EmailSuppressed)
    assert story.smtp.connections == 0


async def test_mails_about_accounts_leave_results_every_second_turn(story: Story) -> None:
    """However many there are, and whatever comes of them."""
    for _ in range(12):
        await _ask(story)
    story.auth.unwanted = True
    results = [await story.happen(checked(uuid4(), user_id=BOB)) for _ in range(3)]
    sender = story.sender()
    for _ in range(6):
        assert await sender.step()
    assert {(await story.row(mail_id))["state"] for mail_id in results} == {"sent"}
    assert await _drain(sender) == 9
