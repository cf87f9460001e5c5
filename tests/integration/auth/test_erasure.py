"""The end of an account: nothing is left, and nothing comes back."""

import asyncio

import pyotp
from sqlalchemy import text

from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    Person,
    new_email,
    set_up_second_factor,
)
from tests.support.apps import is_problem


async def _full_life(harness: AuthHarness) -> tuple[Person, dict[str, str]]:
    """A person with something in every table, and the secrets they hold."""
    person = await harness.new_person(kind="web")
    await harness.confirm_address(person.email)
    await harness.log_in(person.email, client={**harness.client, "device": "phone"})
    await harness.try_login(person.email, OTHER_PASSWORD)
    token = await person.request(
        "POST", "/tokens", {"name": "laptop of Ann", "scopes": ["account"]}
    )
    await person.request(
        "POST", "/me/email", {"password": PASSWORD, "email": f"new-{person.email}"}
    )
    await harness.post("/password-resets", {"email": person.email})
    return person, {
        "api token": token.json()["token"],
        "reset": (await harness.mail(person.email, "reset_password"))["token"],
        "change": (await harness.mail(f"new-{person.email}", "confirm_new_email"))["token"],
    }


async def _guard(person: Person) -> None:
    """Set up a second factor, and leave a login waiting for a code."""
    app = pyotp.TOTP((await set_up_second_factor(person)).json()["secret"])
    code = {"code": app.at(person.harness.clock.now)}
    assert (await person.request("PUT", "/me/second-factor", code)).status_code == 200
    assert "challenge" in (await person.harness.try_login(person.email)).json()


async def _erase(person: Person, password: str = PASSWORD) -> None:
    answer = await person.request("POST", "/me/erasure", {"password": password})
    assert answer.status_code == 204, answer.text


async def test_neither_address_nor_anything_else_is_left_in_any_table(harness: AuthHarness) -> None:
    person, _ = await _full_life(harness)
    await _guard(person)
    traces = [person.email, harness.client["address"], "laptop of Ann"]
    before = await harness.all_rows()
    assert all(trace in before for trace in traces)
    await _erase(person)
    after = await harness.all_rows()
    assert not [trace for trace in traces if trace in after]
    left = await harness.rows(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND column_name = 'user_id' ORDER BY 1"
    )
    for (table,) in left:
        [(count,)] = await harness.rows(
            f"SELECT count(*) FROM {table} WHERE user_id = :user_id", user_id=person.user_id
        )
        assert (count > 0) == (table == "erased_users"), table


async def test_the_world_is_told_and_the_stream_ends_there(harness: AuthHarness) -> None:
    person, _ = await _full_life(harness)
    await _erase(person)
    events = await harness.events(person.user_id)
    assert [version for version, _ in events] == list(range(1, len(events) + 1))
    assert events[-1][1] == "UserErased"


async def test_everything_the_person_held_is_worth_nothing(harness: AuthHarness) -> None:
    person, secrets = await _full_life(harness)
    api = await harness.log_in(person.email)
    requests = await harness.mail_requests(person.email)
    await _erase(person)
    assert not await harness.is_active(person.session_id)
    assert not await harness.is_active(api.session_id)
    for answer in (
        await harness.exchange(person.tokens["token"], "access"),
        await harness.exchange(api.tokens["token"], "refresh"),
        await harness.post("/tokens/access", {"token": secrets["api token"]}),
        await person.request("PATCH", "/me", {"theme": "dark"}),
        await person.request("POST", "/me/erasure", {"password": PASSWORD}),
    ):
        assert is_problem(answer, 401, "unauthenticated")
    assert is_problem(await harness.try_login(person.email), 401, "wrong_credentials")
    assert is_problem(await person.request("GET", "/me"), 404, "not_found")
    assert is_problem(await harness.confirm(secrets["change"]), 422, "link_invalid")
    body = {"token": secrets["reset"], "password": OTHER_PASSWORD}
    assert is_problem(await harness.post("/password-resets", body, "PUT"), 422, "link_invalid")
    for _, request_id in requests:
        answer = await harness.as_notifier("POST", f"/account-mails/{request_id}")
        assert is_problem(answer, 404, "not_found")
    assert await harness.contact(person.user_id) is None


async def test_the_address_is_free_again_for_somebody_new(harness: AuthHarness) -> None:
    person, _ = await _full_life(harness)
    await _erase(person)
    assert (await harness.register(person.email, OTHER_PASSWORD)).status_code == 202
    newcomer = await harness.log_in(person.email, OTHER_PASSWORD)
    assert newcomer.user_id != person.user_id
    assert await newcomer.security_log_kinds() == ["registered", "signed_in"]


async def test_a_wrong_password_erases_nobody(harness: AuthHarness) -> None:
    person = await harness.new_person()
    answer = await person.request("POST", "/me/erasure", {"password": OTHER_PASSWORD})
    assert is_problem(answer, 422, "wrong_password")
    assert (await person.get("/me"))["email"] == person.email


async def test_erasing_at_once_with_everything_else_leaves_nothing_and_blocks_nobody(
    harness: AuthHarness,
) -> None:
    for _ in range(4):
        person, secrets = await _full_life(harness)
        wanted = new_email()
        answers = await asyncio.gather(
            person.request("POST", "/me/erasure", {"password": PASSWORD}),
            person.request("POST", "/me/email", {"password": PASSWORD, "email": wanted}),
            person.request("PATCH", "/me", {"language": "en"}),
            person.request("POST", "/tokens", {"name": "late", "scopes": ["account"]}),
            person.request("POST", "/me/erasure", {"password": PASSWORD}),
            harness.confirm(secrets["change"]),
            harness.try_login(person.email),
            harness.register(person.email),
            harness.post("/password-resets", {"email": person.email}),
            harness.post("/tokens/access", {"token": secrets["api token"]}),
        )
        assert not [answer.text for answer in answers if answer.status_code >= 500]
        [(active,)] = await harness.rows(
            "SELECT count(*) FROM users WHERE user_id = :user_id", user_id=person.user_id
        )
        kinds = [kind for _, kind in await harness.events(person.user_id)]
        assert (active, kinds.count("UserErased"), kinds[-1]) == (0, 1, "UserErased")


async def test_a_stolen_token_used_during_the_erasure_does_not_block_it(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    await harness.exchange(person.tokens["token"])
    async with harness.database.transaction() as erasing:
        whose = {"user_id": person.user_id}
        await erasing.execute(text("SELECT FROM users WHERE user_id = :user_id FOR UPDATE"), whose)
        reused = asyncio.create_task(harness.exchange(person.tokens["token"]))
        await asyncio.sleep(0.3)
        await erasing.execute(text("DELETE FROM users WHERE user_id = :user_id"), whose)
    assert is_problem(await reused, 401, "unauthenticated")
