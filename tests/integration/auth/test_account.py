"""Reading an account, and the contacts of the notifier."""

from uuid import UUID, uuid4

from tests.integration.auth.harness import (
    AuthHarness,
)
from tests.support.apps import as_user, client_of, is_problem


async def test_a_person_who_is_gone_is_not_found(harness: AuthHarness) -> None:
    async with client_of(harness.app, headers=as_user(harness.keys, uuid4())) as client:
        assert is_problem(await client.get("/internal/me"), 404, "not_found")


async def test_only_the_notifier_asks_for_addresses(harness: AuthHarness) -> None:
    person = await harness.new_person()
    people = {"user_ids": [str(person.user_id), str(uuid4())]}
    assert is_problem(await harness.post("/contacts", people), 403, "forbidden")
    assert is_problem(await person.request("POST", "/contacts", people), 401, "unauthenticated")
    answer = await harness.as_notifier("POST", "/contacts", people)
    [found] = answer.json()["contacts"]  # and not who is unknown
    assert UUID(found.pop("user_id")) == person.user_id
    assert found == {
        "email": person.email,
        "language": "ru",
        "time_zone": "auto",
        "confirmed": False,
    }
    await harness.confirm_address(person.email)
    assert (await harness.contact(person.user_id) or {})["confirmed"]


async def test_addresses_of_many_are_asked_for_at_once_and_of_too_many_not(
    harness: AuthHarness,
) -> None:
    people = [await harness.new_person() for _ in range(3)]
    ids = [str(person.user_id) for person in people]
    answer = await harness.as_notifier("POST", "/contacts", {"user_ids": ids * 2})
    assert {one["email"] for one in answer.json()["contacts"]} == {one.email for one in people}
    assert len(answer.json()["contacts"]) == 3
    too_many = {"user_ids": [str(uuid4()) for _ in range(1001)]}
    assert is_problem(await harness.as_notifier("POST", "/contacts", too_many), 422, "invalid")
