"""A second factor: set up, switched off, its recovery codes; what is kept and told of it."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    STEP_SECONDS,
    AuthHarness,
    person_with_second_factor,
    set_up_second_factor,
)
from tests.support.apps import is_problem

PATH = "/me/second-factor"


async def test_it_holds_only_once_the_app_has_shown_a_code(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await harness.confirm_address(person.email)
    assert await person.get(PATH) == {"enabled_at": None, "recovery_codes_left": 0}
    begun = (await set_up_second_factor(person)).json()
    assert (await person.get(PATH))["enabled_at"] is None
    assert "access_token" in (await harness.try_login(person.email)).json()

    wrong = pyotp.TOTP(pyotp.random_base32()).at(harness.clock.now)
    refused = await person.request("PUT", PATH, {"code": wrong})
    assert is_problem(refused, 422, "wrong_second_factor_code")
    assert "access_token" in (await harness.try_login(person.email)).json()

    code = pyotp.TOTP(begun["secret"]).at(harness.clock.now)
    codes = (await person.request("PUT", PATH, {"code": code})).json()["recovery_codes"]
    assert len(set(codes)) == 10
    state = await person.get(PATH)
    assert (bool(state["enabled_at"]), state["recovery_codes_left"]) == (True, 10)
    assert "challenge" in (await harness.try_login(person.email)).json()


async def test_the_link_for_the_app_says_whose_secret_it_is(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await harness.confirm_address(person.email)
    begun = (await set_up_second_factor(person)).json()
    link = urlsplit(begun["uri"])
    assert (link.scheme, link.netloc) == ("otpauth", "totp")
    assert parse_qs(link.query) == {"secret": [begun["secret"]], "issuer": ["Prereview"]}
    assert person.email.partition("@")[0] in link.path


async def test_it_needs_the_password_and_a_confirmed_address(harness: AuthHarness) -> None:
    person = await harness.new_person()
    assert is_problem(await set_up_second_factor(person), 409, "email_unconfirmed")
    await harness.confirm_address(person.email)
    assert is_problem(await set_up_second_factor(person, OTHER_PASSWORD), 422, "wrong_password")
    assert is_problem(
        await person.request("PUT", PATH, {"code": "123456"}), 409, "second_factor_not_enabled"
    )


async def test_beginning_anew_replaces_what_was_not_confirmed(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await harness.confirm_address(person.email)
    first, second = [
        pyotp.TOTP((await set_up_second_factor(person)).json()["secret"]) for _ in range(2)
    ]
    refused = await person.request("PUT", PATH, {"code": first.at(harness.clock.now)})
    assert is_problem(refused, 422, "wrong_second_factor_code")
    taken = await person.request("PUT", PATH, {"code": second.at(harness.clock.now)})
    assert taken.status_code == 200


async def test_a_secret_that_waited_for_an_hour_is_void(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await harness.confirm_address(person.email)
    app = pyotp.TOTP((await set_up_second_factor(person)).json()["secret"])
    harness.clock.advance(hours=1)
    refused = await person.request("PUT", PATH, {"code": app.at(harness.clock.now)})
    assert is_problem(refused, 409, "second_factor_not_enabled")


async def test_one_that_is_on_can_not_be_replaced(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    assert is_problem(await set_up_second_factor(one.person), 409, "second_factor_already_enabled")
    again = await one.person.request("PUT", PATH, {"code": one.code()})
    assert is_problem(again, 409, "second_factor_already_enabled")
    assert (await one.try_code(one.code())).status_code == 201


async def test_switching_off_takes_the_password_and_a_code(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    proofs = [
        ({"password": OTHER_PASSWORD, "code": one.code()}, "wrong_password"),
        ({"password": PASSWORD, "code": one.wrong_code()}, "wrong_second_factor_code"),
        ({"password": PASSWORD, "code": ""}, "wrong_second_factor_code"),
    ]
    for body, code in proofs:
        assert is_problem(await one.person.request("DELETE", PATH, body), 422, code)
    body = {"password": PASSWORD, "code": one.code()}
    assert (await one.person.request("DELETE", PATH, body)).status_code == 204
    assert await one.person.get(PATH) == {"enabled_at": None, "recovery_codes_left": 0}
    assert "access_token" in (await harness.try_login(one.email)).json()
    assert is_problem(
        await one.person.request("DELETE", PATH, body), 409, "second_factor_not_enabled"
    )


async def test_a_recovery_code_switches_it_off_as_well(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    body = {"password": PASSWORD, "code": one.recovery_codes[0]}
    assert (await one.person.request("DELETE", PATH, body)).status_code == 204
    assert "access_token" in (await harness.try_login(one.email)).json()


async def test_new_recovery_codes_make_the_old_ones_worthless(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    body = {"password": PASSWORD, "code": one.code()}
    answer = await one.person.request("POST", f"{PATH}/recovery-codes", body)
    fresh = answer.json()["recovery_codes"]
    assert len(set(fresh) - set(one.recovery_codes)) == 10
    assert is_problem(await one.try_code(one.recovery_codes[0]), 422, "wrong_second_factor_code")
    assert (await one.try_code(fresh[0])).status_code == 201
    wrong = {"password": PASSWORD, "code": one.code()}  # used a moment ago
    refused = await one.person.request("POST", f"{PATH}/recovery-codes", wrong)
    assert is_problem(refused, 422, "wrong_second_factor_code")


@pytest.mark.parametrize("scopes", [["account"], ["files:read", "files:write", "checks:read"]])
async def test_no_api_token_may_touch_it(harness: AuthHarness, scopes: list[str]) -> None:
    one = await person_with_second_factor(harness)
    made = await one.person.request("POST", "/tokens", {"name": "ci", "scopes": scopes})
    limited = await harness.post("/tokens/access", {"token": made.json()["token"]})
    one.person.tokens = limited.json()
    proof = {"password": PASSWORD, "code": one.code()}
    for method, path, body in [
        ("GET", PATH, None),
        ("POST", PATH, {"password": PASSWORD}),
        ("PUT", PATH, {"code": one.code()}),
        ("DELETE", PATH, proof),
        ("POST", f"{PATH}/recovery-codes", proof),
    ]:
        refused = await one.person.request(method, path, body)
        assert is_problem(refused, 403, "session_required"), (method, path)


async def test_the_log_and_mails_tell_of_it(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    assert (await one.answer(await one.challenge(), one.recovery_codes[0])).status_code == 201
    await one.try_code(one.wrong_code())
    await one.try_code(one.wrong_code())
    await one.person.request("DELETE", PATH, {"password": PASSWORD, "code": one.code()})
    told = [
        kind for kind in await one.person.security_log_kinds() if "factor" in kind or "code" in kind
    ]
    assert told == [
        "second_factor_enabled",
        "recovery_code_used",
        "second_factor_refused",
        "second_factor_disabled",
    ]
    entries = (await one.person.get("/me/security-log"))["entries"]
    assert [e["times"] for e in entries if e["kind"] == "second_factor_refused"] == [2]
    mailed = await harness.mail_kinds(one.email)
    assert [kind for kind in mailed if kind not in {"confirm_email", "new_sign_in"}] == [
        "second_factor_enabled",
        "recovery_code_used",
        "second_factor_disabled",
    ]
    mail = await harness.mail(one.email, "recovery_code_used")
    assert mail["details"]["address"] == harness.client["address"]


async def test_no_secret_is_kept_readable_or_told(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    challenge = await one.challenge()
    kept = await harness.all_rows()
    secrets = [one.totp.secret, one.totp.byte_secret().hex(), challenge, *one.recovery_codes]
    assert not [secret for secret in secrets if secret.lower() in kept.lower()]
    export = await one.person.request("GET", "/me/export")
    assert not [secret for secret in secrets if secret in export.text]
    told = export.json()["account"]["second_factor"]
    assert (told["recovery_codes_left"], bool(told["enabled_at"])) == (10, True)


async def test_the_same_secret_is_kept_in_other_words_for_everybody(harness: AuthHarness) -> None:
    """A row copied over another person's is unreadable there, so it lets nobody in."""
    one, other = await person_with_second_factor(harness), await person_with_second_factor(harness)
    await harness.rows(
        "UPDATE second_factors SET secret ="
        " (SELECT secret FROM second_factors WHERE user_id = :thief) WHERE user_id = :victim"
        " RETURNING 1",
        thief=one.person.user_id,
        victim=other.person.user_id,
    )
    assert is_problem(await other.try_code(one.code()), 422, "wrong_second_factor_code")
    assert (await other.try_code(other.recovery_codes[0])).status_code == 201


async def test_an_operator_removes_a_lost_one_with_its_recovery_codes(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    await harness.rows(
        "DELETE FROM auth.second_factors WHERE user_id ="
        " (SELECT user_id FROM auth.users WHERE email = :email) RETURNING 1",
        email=one.email,
    )
    assert "access_token" in (await harness.try_login(one.email)).json()
    assert await one.person.get(PATH) == {"enabled_at": None, "recovery_codes_left": 0}


async def test_a_password_set_by_mail_leaves_it_on(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    await harness.post("/password-resets", {"email": one.email})
    token = (await harness.mail(one.email, "reset_password"))["token"]
    body = {"token": token, "password": OTHER_PASSWORD}
    assert (await harness.post("/password-resets", body, "PUT")).status_code == 204
    challenge = await one.challenge(password=OTHER_PASSWORD)
    assert (await one.answer(challenge, one.code())).status_code == 201


async def test_parallel_confirmations_give_one_set_of_recovery_codes(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await harness.confirm_address(person.email)
    app = pyotp.TOTP((await set_up_second_factor(person)).json()["secret"])
    body = {"code": app.at(harness.clock.now)}
    answers = await asyncio.gather(*(person.request("PUT", PATH, body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    harness.clock.advance(seconds=STEP_SECONDS)
    assert (await person.get(PATH))["recovery_codes_left"] == 10
