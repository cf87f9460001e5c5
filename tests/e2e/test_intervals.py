"""New mail does not wait for the next look: whoever queues it says so."""

from pathlib import Path

from tests.support.people import Person
from tests.support.product import running_product
from tests.support.waiting import eventually

RARELY = {"PREREVIEW_CHECK_INTERVAL": "0", "PREREVIEW_MAIL_INTERVAL": "3600"}


async def test_mails_are_sent_when_they_are_queued(tmp_path: Path) -> None:
    with running_product(tmp_path, **RARELY) as product:
        person = await Person.register(product, "ada@example.org")
        await person.upload("main.py", b"import os\n")
        await eventually(person.all_mails_sent, seconds=60)
        await person.http.aclose()
