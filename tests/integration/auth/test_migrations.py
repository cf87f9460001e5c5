"""Accounts of before an update are written to at the right domain after it."""

import asyncio
from uuid import UUID, uuid4

from alembic import command

from shared.migrations import config, upgrade
from tests.support.databases import PrivateDatabase, create_empty, drop
from tests.support.events import NOON

# As auth has kept them, and where mail has to go.
ROWS = {
    "ann@example.org": "ann@example.org",
    "ann@straße.example": "ann@xn--strae-oqa.example",
    "ann@βόλος.example": "ann@xn--nxasmm1c.example",
    "ann@почта.рф": "ann@xn--80a1acny.xn--p1ai",
    "ann@ꭰꭱ.example": "ann@xn--58dc.example",  # Cherokee: small letters stand for capitals
    "ann@☃.example": "ann@☃.example",  # no domain any more: refused when the mail is sent
}


async def _old(database: PrivateDatabase) -> dict[str, UUID]:
    """An account with a wish for another address, and a mail with a link, for each row."""
    owner = database.url("auth_owner")
    await asyncio.to_thread(command.upgrade, config("auth", owner), "0004")
    admin, made = await database.admin(), {}
    for email in ROWS:
        made[email] = uuid4()
        await admin.execute(
            "INSERT INTO auth.users (user_id, email, pending_email, password_hash, language,"
            " created_at) VALUES ($1, $2, $3, '', 'en', $4)",
            *(made[email], email, f"new-{email}", NOON),
        )
        await admin.execute(
            "INSERT INTO auth.mail_requests VALUES ($1, $1, 'reset_password', $2, '{}', $3, $3)",
            *(made[email], email, NOON),
        )
        await admin.execute(
            "INSERT INTO auth.links VALUES ($1, $2, $3)", made[email].bytes, made[email], NOON
        )
    await admin.close()
    await asyncio.to_thread(upgrade, "auth", owner)
    return made


async def test_every_kept_address_gets_its_ascii_form(postgres_url: str) -> None:
    database = await create_empty(postgres_url)
    made = await _old(database)
    admin = await database.admin()
    users = await admin.fetch(
        "SELECT user_id, email, ascii_email, pending_ascii_email FROM auth.users"
    )
    mails = await admin.fetch("SELECT email, ascii_email FROM auth.mail_requests")
    links = await admin.fetch("SELECT request_id FROM auth.links")
    await admin.close()
    await drop(database)
    found = {row["email"]: (row["ascii_email"], row["pending_ascii_email"]) for row in users}
    assert found == {email: (to, f"new-{to}") for email, to in ROWS.items()}
    assert {row["email"]: row["ascii_email"] for row in mails} == ROWS
    # Those went to another domain, where a stranger may read them.
    strayed = {made["ann@straße.example"], made["ann@βόλος.example"]}
    assert {row["request_id"] for row in links} == {*made.values()} - strayed


async def test_an_empty_database_is_brought_up_to_date(postgres_url: str) -> None:
    database = await create_empty(postgres_url)
    await asyncio.to_thread(upgrade, "auth", database.url("auth_owner"))
    admin = await database.admin()
    assert await admin.fetchval("SELECT count(*) FROM auth.users") == 0
    await admin.close()
    await drop(database)
