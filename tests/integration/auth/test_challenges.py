"""Logging in with a second factor: the password is answered with a challenge, a code ends it."""

import asyncio
from uuid import UUID

import pytest

from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    STEP_SECONDS,
    AuthHarness,
    PersonWithSecondFactor,
    new_client,
    person_with_second_factor,
)
from tests.support.apps import is_problem


async def _sessions(harness: AuthHarness, user_id: UUID) -> int:
    [(count,)] = await harness.rows(
        "SELECT count(*) FROM sessions WHERE user_id = :user_id", user_id=user_id
    )
    return int(count)


async def test_the_right_password_begins_no_session_but_a_code_does(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    before = await _sessions(harness, one.person.user_id)
    challenge = await one.challenge(kind="web")
    assert await _sessions(harness, one.person.user_id) == before
    begun = await one.answer(challenge, one.code())
    assert begun.status_code == 201
    assert (await harness.exchange(begun.json()["token"], "access")).status_code == 200
    assert UUID(begun.json()["user_id"]) == one.person.user_id


async def test_a_challenge_begins_the_kind_of_session_it_was_made_for(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    token = (await one.try_code(one.code())).json()["token"]
    assert is_problem(await harness.exchange(token, "access"), 401, "unauthenticated")
    assert (await harness.exchange(token)).status_code == 200


async def test_a_new_device_is_noticed_when_the_code_is_given(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    client = new_client()
    challenge = await one.challenge(client=client)
    assert "new_sign_in" not in await harness.mail_kinds(one.email)
    assert (await one.answer(challenge, one.code(), client=client)).status_code == 201
    assert "new_sign_in" in await harness.mail_kinds(one.email)


@pytest.mark.parametrize("step", [-1, 0, 1])
async def test_a_clock_may_be_half_a_minute_off(harness: AuthHarness, step: int) -> None:
    one = await person_with_second_factor(harness)
    harness.clock.advance(seconds=STEP_SECONDS)
    assert (await one.try_code(one.code(step))).status_code == 201


@pytest.mark.parametrize("step", [-3, -2, 2, 3, 2880])
async def test_but_not_more(harness: AuthHarness, step: int) -> None:
    one = await person_with_second_factor(harness)
    harness.clock.advance(seconds=4 * STEP_SECONDS)
    assert is_problem(await one.try_code(one.code(step)), 422, "wrong_second_factor_code")


async def test_a_code_is_typed_as_it_is_shown(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    code, recovery = one.code(), one.recovery_codes[0]
    assert (await one.try_code(f" {code[:3]} {code[3:]}\t")).status_code == 201
    typed = f" {recovery.upper().replace('-', ' ')} "
    assert (await one.try_code(typed)).status_code == 201
    assert (await one.try_code(one.recovery_codes[1].replace("-", ""))).status_code == 201


HOSTILE = {
    "empty": "",
    "a space": " ",
    "letters": "abcdef",
    "7 digits": "1234567",
    "5 digits": "12345",
    "NUL": "12345\0",
    "a sign": "+12345",
    "a point": "1234.5",
    "an underline": "12_345",
    "a line break within": "123\n456\n",
    "a pattern": "______",
    "quotes": "' OR '1'='1",
}


@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE.keys())
async def test_what_is_no_code_is_a_wrong_code(harness: AuthHarness, code: str) -> None:
    one = await person_with_second_factor(harness)
    challenge = await one.challenge()
    assert is_problem(await one.answer(challenge, code), 422, "wrong_second_factor_code")
    assert (await one.answer(challenge, one.code())).status_code == 201


@pytest.mark.parametrize("zero", ["\u0660", "\u0966", "\uff10", "\U0001d7ce"])
async def test_digits_of_other_scripts_are_no_code(harness: AuthHarness, zero: str) -> None:
    one = await person_with_second_factor(harness)
    foreign = "".join(chr(ord(zero) + int(digit)) for digit in one.code())
    assert is_problem(await one.try_code(foreign), 422, "wrong_second_factor_code")


@pytest.mark.parametrize(
    "code", ["1" * 101, "1" * 1_000_000, "12345\ud800", 123456, None, ["1"], {}, True]
)
async def test_what_can_be_no_text_of_a_code_is_refused_unread(
    harness: AuthHarness, code: object
) -> None:
    one = await person_with_second_factor(harness)
    body = {"challenge": await one.challenge(), "code": code}
    answer = await harness.post("/sessions/second-factor", body)
    assert answer.status_code in {413, 422}
    assert is_problem(answer, answer.status_code, answer.json()["code"])
    assert answer.json()["code"] != "wrong_second_factor_code"


async def test_a_code_is_good_once(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    code, recovery = one.code(), one.recovery_codes[0]
    for good in (code, recovery):
        assert (await one.try_code(good)).status_code == 201
        assert is_problem(await one.try_code(good), 422, "wrong_second_factor_code")
    assert (await one.person.get("/me/second-factor"))["recovery_codes_left"] == 9


async def test_a_code_of_before_the_last_one_is_worthless(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    assert (await one.try_code(one.code(1))).status_code == 201
    assert is_problem(await one.try_code(one.code()), 422, "wrong_second_factor_code")
    harness.clock.advance(seconds=2 * STEP_SECONDS)
    assert (await one.try_code(one.code())).status_code == 201


@pytest.mark.parametrize("recovers", [False, True])
async def test_of_parallel_uses_of_a_code_one_gets_in(
    harness: AuthHarness, *, recovers: bool
) -> None:
    one = await person_with_second_factor(harness)
    code = one.recovery_codes[0] if recovers else one.code()
    challenges = [await one.challenge() for _ in range(8)]
    answers = await asyncio.gather(*(one.answer(each, code) for each in challenges))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 7


async def test_of_parallel_answers_to_a_challenge_one_gets_in(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    challenge = await one.challenge()
    codes = [one.code(-1), one.code(), one.code(1), *one.recovery_codes[:5]]
    answers = await asyncio.gather(*(one.answer(challenge, code) for code in codes))
    assert [answer.status_code for answer in answers].count(201) == 1
    codes_left = (await one.person.get("/me/second-factor"))["recovery_codes_left"]
    assert codes_left >= 9  # whoever comes too late has used nothing up


async def test_a_challenge_is_good_once(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    challenge = await one.challenge()
    assert (await one.answer(challenge, one.code())).status_code == 201
    assert is_problem(await one.answer(challenge, one.code(1)), 401, "challenge_invalid")


async def test_a_challenge_lives_for_five_minutes(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    challenge = await one.challenge()
    harness.clock.advance(minutes=5)
    assert is_problem(await one.answer(challenge, one.code()), 401, "challenge_invalid")
    challenge = await one.challenge()
    harness.clock.advance(minutes=4, seconds=59)
    assert (await one.answer(challenge, one.code())).status_code == 201


@pytest.mark.parametrize("challenge", ["", "x", "\0", "\ud800", "a" * 200, "a" * 201])
async def test_a_made_up_challenge_is_worthless(harness: AuthHarness, challenge: str) -> None:
    one = await person_with_second_factor(harness)
    answer = await one.answer(challenge, one.code())
    assert answer.status_code in {401, 422}
    assert "access_token" not in answer.text


async def test_the_code_of_another_account_is_worthless(harness: AuthHarness) -> None:
    one, other = await person_with_second_factor(harness), await person_with_second_factor(harness)
    challenge = await one.challenge()
    assert is_problem(await one.answer(challenge, other.code()), 422, "wrong_second_factor_code")
    assert is_problem(
        await one.answer(challenge, other.recovery_codes[0]), 422, "wrong_second_factor_code"
    )
    assert (await other.try_code(other.recovery_codes[0])).status_code == 201


async def test_a_changed_password_ends_challenges(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    challenge = await one.challenge()
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await one.person.request("POST", "/me/password", body)).status_code == 204
    assert is_problem(await one.answer(challenge, one.code()), 401, "challenge_invalid")


async def test_a_challenge_of_before_it_was_switched_off_is_worthless(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    challenge = await one.challenge()
    body = {"password": PASSWORD, "code": one.code()}
    assert (await one.person.request("DELETE", "/me/second-factor", body)).status_code == 204
    assert is_problem(await one.answer(challenge, one.code(1)), 422, "wrong_second_factor_code")


async def _fail(one: PersonWithSecondFactor, times: int) -> None:
    challenge = await one.challenge()
    for _ in range(times):
        assert is_problem(
            await one.answer(challenge, one.wrong_code()), 422, "wrong_second_factor_code"
        )


async def test_the_eleventh_wrong_code_is_too_many_wherever_it_comes_from(
    harness: AuthHarness,
) -> None:
    one, other = await person_with_second_factor(harness), await person_with_second_factor(harness)
    await _fail(one, 10)
    challenge = await one.challenge(client=new_client())
    refused = await one.answer(challenge, one.code(), client=new_client())
    assert is_problem(refused, 429, "too_many_attempts")
    assert int(refused.headers["Retry-After"]) > 0
    body = {"password": PASSWORD, "code": one.code()}
    off = await one.person.request("DELETE", "/me/second-factor", body)
    assert is_problem(off, 429, "too_many_attempts")
    assert (await other.try_code(other.code())).status_code == 201
    harness.clock.advance(minutes=15)
    assert (await one.try_code(one.code())).status_code == 201


async def test_of_parallel_guesses_ten_are_answered(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    challenge, wrong = await one.challenge(), one.wrong_code()
    answers = await asyncio.gather(*(one.answer(challenge, wrong) for _ in range(25)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(422), statuses.count(429)) == (10, 15)


async def test_wrong_codes_shut_no_password_out_and_passwords_no_codes(
    harness: AuthHarness,
) -> None:
    one = await person_with_second_factor(harness)
    await _fail(one, 10)
    assert (await harness.try_login(one.email)).status_code == 201
    harness.clock.advance(minutes=15)
    challenge = await one.challenge()
    for _ in range(11):
        await harness.try_login(one.email, OTHER_PASSWORD)
    assert is_problem(await harness.try_login(one.email), 429, "too_many_attempts")
    assert (await one.answer(challenge, one.code())).status_code == 201


async def test_wrong_passwords_are_answered_as_those_of_anybody(harness: AuthHarness) -> None:
    one, plain = await person_with_second_factor(harness), await harness.new_person()
    answers = [await harness.try_login(who.email, OTHER_PASSWORD) for who in (one, plain)]
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert bodies[0] == bodies[1]
    assert [answer.status_code for answer in answers] == [401, 401]


async def test_at_most_a_hundred_challenges_are_kept(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    for n in range(104):
        await one.challenge(client=new_client(f"device {n}"))
    [(kept,)] = await harness.rows(
        "SELECT count(*) FROM challenges WHERE user_id = :id", id=one.person.user_id
    )
    assert kept == 100


async def test_a_link_that_confirms_begins_no_session_without_a_code(harness: AuthHarness) -> None:
    """A new address is confirmed with the password, in a browser that is not logged in."""
    one = await person_with_second_factor(harness)
    new = f"new-{one.email}"
    await one.person.request("POST", "/me/email", {"password": PASSWORD, "email": new})
    token = (await harness.mail(new, "confirm_new_email"))["token"]
    before = await _sessions(harness, one.person.user_id)
    done = await harness.confirm(token, log_in=True)
    assert done.status_code == 200
    assert done.json()["kind"] == "confirm_new_email"
    assert set(done.json()["session"]) == {"challenge", "expires_in"}
    assert await _sessions(harness, one.person.user_id) == before
    assert (await one.person.get("/me"))["email"] == new
    begun = await one.answer(done.json()["session"]["challenge"], one.code())
    assert (await harness.exchange(begun.json()["token"], "access")).status_code == 200


async def test_a_mailed_link_to_log_in_begins_no_session_without_a_code(
    harness: AuthHarness,
) -> None:
    one = await person_with_second_factor(harness)
    for _ in range(100):
        await harness.try_login(one.email, OTHER_PASSWORD, client=new_client())
    link = {"token": (await harness.mail(one.email, "log_in"))["token"], "client": harness.client}
    before = await _sessions(harness, one.person.user_id)
    answer = await harness.post("/sessions/by-link", link)
    assert (answer.status_code, set(answer.json())) == (201, {"challenge", "expires_in"})
    assert await _sessions(harness, one.person.user_id) == before
    assert is_problem(await harness.post("/sessions/by-link", link), 422, "link_invalid")
    begun = await one.answer(answer.json()["challenge"], one.code())
    assert (await harness.exchange(begun.json()["token"], "access")).status_code == 200


async def test_refreshing_and_api_tokens_ask_for_no_code(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    made = await one.person.request("POST", "/tokens", {"name": "ci", "scopes": ["account"]})
    token = {"token": made.json()["token"]}
    assert (await harness.post("/tokens/access", token)).status_code == 200
    begun = (await one.try_code(one.code())).json()
    assert (await harness.exchange(begun["token"])).status_code == 200
