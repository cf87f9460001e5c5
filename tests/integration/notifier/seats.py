"""A sender that has several mails in hand, and what there is for it to do."""

from email import message_from_bytes
from uuid import UUID, uuid4

from shared.contracts.auth import AccountMailRequested
from tests.integration.notifier.story import Stepping, Story
from tests.support.events import ANN, checked


def many_seats(story: Story) -> Stepping:
    return story.sender(connections=4, in_hand=25)


async def queue(story: Story, number: int, user_id: UUID = ANN) -> list[UUID]:
    return [await story.happen(checked(uuid4(), user_id=user_id)) for _ in range(number)]


async def ask(story: Story) -> UUID:
    event = AccountMailRequested(user_id=ANN, request_id=uuid4(), kind="new_sign_in")
    return await story.request(event)


async def drain(sender: Stepping) -> None:
    while await sender.step():
        pass


async def states(story: Story, mails: list[UUID]) -> set[str]:
    return {(await story.row(mail_id))["state"] for mail_id in mails}


def ids(story: Story) -> list[str]:
    return [str(message_from_bytes(mail.content)["Message-ID"]) for mail in story.smtp.seen]
