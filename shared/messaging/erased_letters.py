"""Dead letters are part of forgetting a person."""

import re
from collections.abc import Awaitable, Callable, Collection
from uuid import UUID

from aio_pika.abc import AbstractChannel, AbstractQueue

from shared.messaging.topology import dead_queue

AT_ONCE = 100  # letters, of which only ids are kept meanwhile
_ID = re.compile(rb"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)

ErasedAmong = Callable[[Collection[UUID]], Awaitable[set[UUID]]]
"""Which of these ids belong to people who are erased."""


def named_in(body: bytes) -> set[UUID]:
    """Every id in a message, readable or not: whoever is named in it is meant."""
    return {UUID(found.decode()) for found in _ID.findall(body)}


async def drop_letters(channel: AbstractChannel, service: str, erased: ErasedAmong) -> int:
    """Delete every letter that names an erased person; how many. The others stay where they are.

    Looks at each letter once, and holds the ids of a hundred and the text of one; those that come
    meanwhile are left for the next time. On a channel that holds no other messages.
    """
    queue = await channel.declare_queue(dead_queue(service), passive=True)
    left, dropped = queue.declaration_result.message_count or 0, 0
    underlay = await channel.get_underlay_channel()
    try:
        while looked_at := await _look(queue, min(left, AT_ONCE)):
            left -= len(looked_at)
            gone = await erased(set().union(*looked_at.values()))
            guilty = [tag for tag, ids in looked_at.items() if ids & gone]
            for tag in guilty:
                await underlay.basic_ack(tag)
            dropped += len(guilty)
    finally:
        await underlay.basic_nack(0, multiple=True, requeue=True)  # all that is still held
    return dropped


async def _look(queue: AbstractQueue, most: int) -> dict[int, set[UUID]]:
    """The delivery tags of the next letters, with the ids in each; they are held from now on."""
    found: dict[int, set[UUID]] = {}
    while len(found) < most and (letter := await queue.get(fail=False)) is not None:
        found[letter.delivery_tag or 0] = named_in(letter.body)
    return found
