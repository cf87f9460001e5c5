"""A private RabbitMQ node, and what its users may do."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import pytest
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ProbableAuthenticationError

from deploy.local.servers import private_rabbitmq
from deploy.rabbitmq.definitions import ADMINISTRATOR, USERS, definitions
from shared.messaging.topology import DEAD, EVENTS, declare_queue, declare_shared
from tests.support.servers import Broker


@asynccontextmanager
async def channel_of(url: str) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel(publisher_confirms=True, on_return_raises=True)


@pytest.fixture
async def laid(rabbitmq: Broker) -> Broker:
    async with channel_of(rabbitmq.url(ADMINISTRATOR)) as channel:
        await declare_shared(channel)
    async with channel_of(rabbitmq.url("prereview_checker")) as channel:
        await declare_queue(channel, "checker", ["files.FileUploaded"])
    return rabbitmq


async def test_a_service_publishes_its_own_events_and_no_others(laid: Broker) -> None:
    async with channel_of(laid.url("prereview_files")) as channel:
        events = await channel.get_exchange(EVENTS)
        await events.publish(Message(b"{}"), "files.FileUploaded")
        with pytest.raises(ChannelAccessRefused):
            await events.publish(Message(b"{}"), "checker.FileChecked")


async def test_a_service_reads_and_declares_no_foreign_queue(laid: Broker) -> None:
    async with channel_of(laid.url("prereview_files")) as channel:
        queue = await channel.get_queue("checker", ensure=False)
        with pytest.raises(ChannelAccessRefused):
            await queue.get(fail=False)
    async with channel_of(laid.url("prereview_files")) as channel:
        with pytest.raises(ChannelAccessRefused):
            await channel.declare_queue("files.secret", durable=True)
    async with channel_of(laid.url("prereview_files")) as channel:
        with pytest.raises(ChannelAccessRefused):
            await channel.default_exchange.publish(Message(b"{}"), "checker")


async def test_dead_letters_of_another_service_are_not_overheard(laid: Broker) -> None:
    async with channel_of(laid.url("prereview_files")) as channel:
        own = await declare_queue(channel, "files", ["auth.UserErased"])
        with pytest.raises(ChannelAccessRefused):
            await own.bind(DEAD, "checker.dead")


async def test_the_administrators_password_is_needed(laid: Broker) -> None:
    wrong = laid.url(ADMINISTRATOR).replace(laid.passwords[ADMINISTRATOR], "wrong")
    with pytest.raises(ProbableAuthenticationError):
        await aio_pika.connect(wrong)


async def test_messages_outlive_a_restart_and_passwords_follow_the_definitions(
    tmp_path: Path,
) -> None:
    old, new = ({user: f"{age} {user}" for user in USERS} for age in ("old", "new"))
    with private_rabbitmq(tmp_path / "Мои документы", old) as node:
        async with channel_of(node.url(ADMINISTRATOR)) as channel:
            queue = await channel.declare_queue(
                "files", durable=True, arguments={"x-queue-type": "quorum"}
            )
            message = Message(b"kept", delivery_mode=DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, queue.name)
    with private_rabbitmq(tmp_path / "Мои документы", new) as node:
        stale = node.url("prereview_files").replace("new", "old")
        with pytest.raises(ProbableAuthenticationError):
            await aio_pika.connect(stale)
        async with channel_of(node.url("prereview_files")) as channel:
            queue = await channel.get_queue("files", ensure=False)
            found = await queue.get(timeout=10)
            assert found is not None
            assert found.body == b"kept"
            await found.ack()


def test_the_definitions_hold_no_password() -> None:
    made = definitions({user: f"secret {user}" for user in USERS}, salt=lambda size: b"\1" * size)
    user = next(user for user in made["users"] if user["name"] == "prereview_auth")
    hashed = base64.b64decode(user["password_hash"])
    assert hashed == b"\1\1\1\1" + hashlib.sha256(b"\1\1\1\1secret prereview_auth").digest()
    assert "secret" not in str(made)
    assert [u["name"] for u in made["users"] if u["tags"]] == [ADMINISTRATOR]
