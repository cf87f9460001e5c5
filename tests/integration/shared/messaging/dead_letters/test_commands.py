"""A person looks after what was laid aside."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio
from aio_pika import Message

from shared.contracts import published_types
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters.commands import main, run
from shared.messaging.reactions import one_by_one
from shared.messaging.topology import dead_queue
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, a_message, raw_message
from tests.support.waiting import eventually, step_until


@pytest_asyncio.fixture
async def service(broker: Broker) -> AsyncIterator[str]:
    yield await broker.service()


async def _lay_aside(broker: Broker, service: str, *messages: Message) -> None:
    for message in messages:
        message.headers = {"x-reason": "RuntimeError: tired"}
    await broker.put(dead_queue(service), *messages)


async def _shown(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def test_letters_are_listed_and_stay(
    broker: Broker, service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = [a_message(), raw_message(b"\xff nonsense")]
    await _lay_aside(broker, service, *letters)
    for _ in range(3):
        assert await run(broker.url, service, "list", None) == 2
        shown = await _shown(capsys)
        assert [line["id"] for line in shown] == [letter.message_id for letter in letters]
        assert {line["reason"] for line in shown} == {"RuntimeError: tired"}
    await eventually(lambda: _holds(broker, service, 2))


async def test_one_letter_is_shown_whole_whatever_is_in_it(
    broker: Broker, service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = [a_message(), raw_message(b"\xff nonsense")]
    await _lay_aside(broker, service, *letters)
    assert await run(broker.url, service, "show", letters[1].message_id) == 1
    [shown] = await _shown(capsys)
    assert shown["body"] == "\\xff nonsense"
    await eventually(lambda: _holds(broker, service, 2))


async def test_a_letter_that_is_replayed_has_its_effect_and_is_no_longer_dead(
    broker: Broker, service: str, pools: Pools, effects: Effects
) -> None:
    wanted, other = a_message(), a_message()
    await _lay_aside(broker, service, wanted, other)
    assert await run(broker.url, service, "replay", wanted.message_id) == 1
    await eventually(lambda: _holds(broker, service, 1))
    types = published_types("files")
    consumer = Consumer(service, broker.url, pools("reports"), types, [], one_by_one(effects.note))
    await step_until(consumer.step, lambda: broker.is_settled(service))
    await consumer.close()
    assert await effects.of(UUID(wanted.message_id), UUID(other.message_id)) == [1, 0]
    letter = await broker.take(dead_queue(service))
    assert letter.message_id == other.message_id


async def test_all_letters_can_be_replayed_or_dropped(broker: Broker, service: str) -> None:
    await _lay_aside(broker, service, a_message(), a_message())
    assert await run(broker.url, service, "replay", "all") == 2
    await eventually(lambda: _holds(broker, service, 0))
    await eventually(lambda: _is_full(broker, service, 2))
    await _lay_aside(broker, service, a_message())
    assert await run(broker.url, service, "drop", "all") == 1
    assert await run(broker.url, service, "list", None) == 0


async def test_only_the_named_letter_is_dropped(broker: Broker, service: str) -> None:
    wanted, other = a_message(), a_message()
    await _lay_aside(broker, service, wanted, other)
    assert await run(broker.url, service, "drop", "nobody") == 0
    assert await run(broker.url, service, "drop", wanted.message_id) == 1
    letter = await broker.take(dead_queue(service))
    assert letter.message_id == other.message_id


async def test_the_command_tells_by_its_exit_code_whether_it_did_something(
    broker: Broker, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREREVIEW_AMQP_URL", broker.url)
    letter = a_message()
    await _lay_aside(broker, service, letter)

    async def command(*arguments: str) -> int:
        return await asyncio.to_thread(main, [service, *arguments])

    assert await command("list") == 0
    assert await command("drop", "nobody") == 1
    assert letter.message_id
    assert await command("drop", letter.message_id) == 0
    assert await command("list") == 0


@pytest.mark.parametrize("arguments", [["files", "drop"], ["files", "show"], ["files", "eat", "x"]])
def test_an_incomplete_command_is_refused(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREREVIEW_AMQP_URL", "amqp://nobody@127.0.0.1:1/")
    with pytest.raises(SystemExit):
        main(arguments)


async def _holds(broker: Broker, service: str, count: int) -> bool:
    return await broker.size(dead_queue(service)) == count


async def _is_full(broker: Broker, service: str, count: int) -> bool:
    return await broker.size(service) == count
