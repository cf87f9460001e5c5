"""What was laid aside about a person goes when the person does."""

from uuid import UUID, uuid4

from aio_pika import Message

from shared.contracts import published_types
from shared.contracts.auth import UserErased
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters import fetch
from shared.messaging.envelope import to_message
from shared.messaging.topology import dead_queue
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.support.broker import Broker, raw_message
from tests.support.events import ANN, BOB, recorded, uploaded
from tests.support.waiting import eventually, step_until


def _letter(user_id: UUID) -> Message:
    return to_message(recorded(uploaded(uuid4(), user_id)))


async def test_letters_about_an_erased_person_are_dropped_and_others_stay(
    broker: Broker, pools: Pools, effects: Effects
) -> None:
    service = await broker.service("auth.UserErased")
    of_bob, nonsense = _letter(BOB), raw_message(b"\xff nonsense")
    await broker.put(dead_queue(service), _letter(ANN), of_bob, _letter(ANN), nonsense)
    erased = to_message(recorded(UserErased(user_id=ANN)))
    await broker.put(service, erased)
    consumer = Consumer(service, broker.url, pools("reports"), published_types(), [], effects.note)

    async def settled() -> bool:
        return await broker.is_settled(service) and await broker.size(dead_queue(service)) == 2

    try:
        await step_until(consumer.step, settled, seconds=20)
    finally:
        await consumer.close()
    left = await eventually(lambda: fetch(broker.channel, service))
    assert {letter.message_id for letter in left} == {of_bob.message_id, nonsense.message_id}
