"""The log of mails."""

from datetime import timedelta
from uuid import UUID, uuid4

import httpx2

from shared.contracts.notifier import EmailSuppressed
from tests.integration.conftest import Pools
from tests.integration.reports.harness import account_mail_queued, all_pages, mail_held, receive
from tests.support.events import NOON, queued, recorded, sent


async def test_mails_about_checks_and_about_the_account_are_listed_last_first(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    about_check, welcome, check_id = uuid4(), uuid4(), uuid4()
    later = NOON + timedelta(minutes=1)
    expired = EmailSuppressed(mail_id=welcome, user_id=ann, reason="expired")
    await receive(
        pools,
        recorded(account_mail_queued(welcome, ann, "confirm_email"), f"mail-{welcome}", 1),
        recorded(expired, f"mail-{welcome}", 2),
        recorded(queued(about_check, check_id, ann), f"mail-{about_check}", 1, at=later),
        recorded(sent(about_check, check_id, 1, ann), f"mail-{about_check}", 2, at=later),
        recorded(account_mail_queued(uuid4(), uuid4(), "reset_password")),
    )
    first, second = (await client.get("/internal/mails")).json()["mails"]
    assert first == {
        "mail_id": str(about_check),
        "kind": "check_result",
        "check_id": str(check_id),
        "state": "sent",
        "attempts": 1,
        "sent_at": "2026-11-22T12:00:00Z",
        "message_id": f"<{about_check}@example.org>",
        "reply": "250 2.0.0 queued as 42",
        "reason": None,
        "next_attempt_at": None,
        "queued_at": "2026-11-22T12:01:00Z",
    }
    found = (second["kind"], second["check_id"], second["state"], second["reason"])
    assert found == ("confirm_email", None, "suppressed", "expired")


async def test_a_mail_appears_when_its_kind_is_known_whatever_else_came_before(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    mail_id, check_id = uuid4(), uuid4()
    await receive(pools, recorded(mail_held(mail_id, check_id, ann), f"mail-{mail_id}", 2))
    assert (await client.get("/internal/mails")).json() == {"mails": [], "next_cursor": None}
    await receive(pools, recorded(queued(mail_id, check_id, ann), f"mail-{mail_id}", 1))
    [mail] = (await client.get("/internal/mails")).json()["mails"]
    assert (mail["kind"], mail["state"]) == ("check_result", "held")


async def test_pages_have_each_mail_once(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    ids = [uuid4() for _ in range(7)]
    for number, mail_id in enumerate(ids):
        event = account_mail_queued(mail_id, ann, "new_sign_in")
        at = NOON + timedelta(minutes=number // 3)
        await receive(pools, recorded(event, f"mail-{mail_id}", 1, at=at))
    found = [
        mail["mail_id"] for page in await all_pages(client, "mails", {"limit": 2}) for mail in page
    ]
    assert sorted(found) == sorted(map(str, ids))


async def test_a_mail_to_a_new_address_is_not_listed(
    client: httpx2.AsyncClient, pools: Pools, ann: UUID
) -> None:
    """Such a mail is sent only where the address has no account, which must not be revealed."""
    await receive(
        pools, recorded(account_mail_queued(mail_id := uuid4(), ann, "confirm_new_email"))
    )
    assert (await client.get("/internal/mails")).json()["mails"] == [], mail_id
