"""Mails about logins from new devices."""

from shared.contracts.http.auth import AccountMailDetails
from tests.integration.auth.harness import (
    AuthHarness,
    new_client,
    new_email,
)


async def test_a_login_from_a_new_device_is_reported_but_not_the_first(
    harness: AuthHarness,
) -> None:
    first = new_client(device="laptop")
    person = await harness.new_person(kind="web", client=first)
    await harness.confirm_address(person.email)
    again = {**new_client(device="laptop"), "user_agent": "Another Browser/1.0"}
    await harness.log_in(person.email, client=again)
    assert "new_sign_in" not in await harness.mail_kinds(person.email)
    phone = new_client(device="phone", user_agent="Mozilla/5.0 (iPhone) FxiOS/140.0 Safari/604.1")
    await harness.log_in(person.email, client=phone)
    mail = await harness.mail(person.email, "new_sign_in")
    assert AccountMailDetails(**mail["details"]) == AccountMailDetails(
        device="Firefox on iPhone", address=phone["address"], at=harness.clock.now
    )
    await harness.log_in(person.email, client=phone)
    assert (await harness.mail_kinds(person.email)).count("new_sign_in") == 1


async def test_a_program_is_known_by_its_name_and_network(harness: AuthHarness) -> None:
    script = new_client(user_agent="deploy-bot/2.1")
    person = await harness.new_person(client=script)
    await harness.confirm_address(person.email)
    await harness.log_in(person.email, client=script)
    assert "new_sign_in" not in await harness.mail_kinds(person.email)
    await harness.log_in(person.email, client=new_client(user_agent="deploy-bot/2.1"))
    assert (await harness.mail_kinds(person.email)).count("new_sign_in") == 1


async def test_of_many_new_devices_five_an_hour_are_reported(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await harness.confirm_address(person.email)
    for _ in range(8):
        await harness.log_in(person.email, client=new_client(device=new_email()))
    assert (await harness.mail_kinds(person.email)).count("new_sign_in") == 5
    harness.clock.advance(hours=1, seconds=1)
    await harness.log_in(person.email, client=new_client(device=new_email()))
    assert (await harness.mail_kinds(person.email)).count("new_sign_in") == 6


async def test_who_does_not_want_it_hears_nothing_of_new_devices(harness: AuthHarness) -> None:
    person = await harness.new_person(client=new_client(device="laptop"))
    await harness.confirm_address(person.email)
    await person.request("PATCH", "/me", {"mail_on_new_device": False})
    await harness.log_in(person.email, client=new_client(device="phone"))
    assert "new_sign_in" not in await harness.mail_kinds(person.email)
