"""Mails that wait while the notifier is brought up to date are sent afterwards."""

import asyncio
import json
from uuid import UUID, uuid4

from alembic import command

from services.notifier.domain.mail import mail_id_for
from shared.contracts.notifier import EmailSent
from shared.db import Database
from shared.migrations import config, upgrade
from tests.integration.notifier.story import Story
from tests.support.databases import create_empty, drop
from tests.support.events import ANN, NOON, checked, queued

REQUEST = UUID("c0a1b2c3-0000-4000-8000-000000000001")


async def test_a_mail_of_before_is_sent_and_belongs_to_its_request(
    story: Story, postgres_url: str
) -> None:
    old = await create_empty(postgres_url)
    owner = old.url("notifier_owner")
    await asyncio.to_thread(command.upgrade, config("notifier", owner), "0001")
    check = checked(uuid4())
    mail_id = mail_id_for(check.check_id)
    admin = await old.admin()
    await admin.execute(
        "INSERT INTO notifier.mails VALUES ($1, $2, $3, 'FileChecked', $4, $5, 'queued', 0, $5)",
        *(mail_id, ANN, check.check_id, check.model_dump_json(), NOON),
    )
    await admin.execute(
        "INSERT INTO notifier.events (event_id, stream_id, version, type, schema_version, data,"
        " metadata, recorded_at) VALUES ($1, $2, 1, 'EmailQueued', 1, $3, $4, $5)",
        *(uuid4(), f"mail-{mail_id}", queued(mail_id, check.check_id).model_dump_json()),
        *(json.dumps({"user_id": str(ANN), "correlation_id": str(REQUEST)}), NOON),
    )
    await admin.close()
    await asyncio.to_thread(upgrade, "notifier", owner)
    database = Database(old.url("notifier"))
    story.database, story.now = database, NOON
    await story.send_all()
    sent = (await story.history(mail_id))[-1]
    await database.close()
    await drop(old)
    assert isinstance(sent.event, EmailSent)
    assert sent.metadata.correlation_id == REQUEST
