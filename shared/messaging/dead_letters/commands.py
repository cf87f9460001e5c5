"""Looks after dead letters: `python -m shared.messaging.dead_letters SERVICE list`.

Connects with `PREREVIEW_AMQP_URL`, which must be an administrator's.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from shared.messaging.connection import Connection
from shared.messaging.topology import dead_queue


async def fetch(channel: AbstractChannel, service: str) -> list[AbstractIncomingMessage]:
    """Every dead letter of a service, held but not taken: close the connection to let go."""
    queue = await channel.get_queue(dead_queue(service), ensure=True)
    letters = []
    while (letter := await queue.get(fail=False)) is not None:
        letters.append(letter)
    return letters


async def replay(channel: AbstractChannel, service: str, letter: AbstractIncomingMessage) -> None:
    """Put the letter at the end of its service's queue, then take it from the dead ones."""
    copy = Message(
        letter.body,
        content_type=letter.content_type,
        message_id=letter.message_id,
        type=letter.type,
    )
    await channel.default_exchange.publish(copy, service, mandatory=True)
    await letter.ack()


async def drop(letter: AbstractIncomingMessage) -> None:
    """Delete the letter for good."""
    await letter.ack()


def describe(letter: AbstractIncomingMessage) -> dict[str, object]:
    return {
        "id": letter.message_id,
        "type": letter.type,
        "reason": letter.headers.get("x-reason", "delivered too often"),
        "bytes": len(letter.body),
    }


async def run(url: str, service: str, action: str, wanted: str | None) -> int:
    """Do one action on the letters with the id `wanted`, on all when it is `all`; how many."""
    connection = Connection(url, "dead letters")
    try:
        channel = await connection.channel()
        letters = [
            letter
            for letter in await fetch(channel, service)
            if action == "list" or wanted in {"all", letter.message_id}
        ]
        for letter in letters:
            if action in {"list", "show"}:
                _print(letter, whole=action == "show")
            elif action == "replay":
                await replay(channel, service, letter)
            else:
                await drop(letter)
    finally:
        await connection.close()
    return len(letters)


def _print(letter: AbstractIncomingMessage, *, whole: bool) -> None:
    shown = describe(letter)
    if whole:
        shown["body"] = letter.body.decode("utf-8", "backslashreplace")
    sys.stdout.write(json.dumps(shown, ensure_ascii=False, default=str) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dead_letters", description=__doc__)
    parser.add_argument("service")
    parser.add_argument("action", choices=["list", "show", "replay", "drop"])
    parser.add_argument("id", nargs="?", help="a message's id, or `all`")
    chosen = parser.parse_args(arguments)
    if chosen.action != "list" and chosen.id is None:
        parser.error(f"{chosen.action} needs the id of a message, or `all`")
    url = os.environ.get("PREREVIEW_AMQP_URL")
    if not url:
        parser.error("set PREREVIEW_AMQP_URL to the administrator's URL of the broker")
    count = asyncio.run(run(url, chosen.service, chosen.action, chosen.id))
    sys.stderr.write(f"{count} dead letters: {chosen.action}\n")
    return 0 if count or chosen.action == "list" else 1
