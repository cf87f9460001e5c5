"""A second factor: set up, switched off, its recovery codes; what is kept and told of it."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from tests.integration.auth.factor import STEP, begin, guarded
from tests.integration.auth.world import OTHER_PASSWORD, PASSWORD, World
from tests.support.apps import is_problem

PATH = "/me/second-factor"


async def test_it_holds_only_once_the_app_has_shown_a_code(world: World) -> None:
    person = await world.person()
    await world.confirm_address(person.email)
    assert await person.get(PATH) == {"enabled_at": None, "recovery_codes_left": 0}
    begun = (await begin(person)).json()
    assert (await person.get(PATH))["enabled_at"] is None
    assert "access_token" in (await world.try_login(person.email)).json()

    wrong = pyotp.TOTP(pyotp.random_base32()).at(world.clock.now)
    refused = await person.ask("PUT", PATH, {"code": wrong})
    assert is_problem(refused, 422, "wrong_second_factor_code")
    assert "access_token" in (await world.try_login(person.email)).json()

    code = pyotp.TOTP(begun["secret"]).at(world.clock.now)
    codes = (await person.ask("PUT", PATH, {"code": code})).json()["recovery_codes"]
    assert len(set(codes)) == 10
    state = await person.get(PATH)
    assert (bool(state["enabled_at"]), state["recovery_codes_left"]) == (True, 10)
    assert "challenge" in (await world.try_login(person.email)).json()


async def test_the_link_for_the_app_says_whose_secret_it_is(world: World) -> None:
    person = await world.person()
    await world.confirm_address(person.email)
    begun = (await begin(person)).json()
    link = urlsplit(begun["uri"])
    assert (link.scheme, link.netloc) == ("otpauth", "totp")
    assert parse_qs(link.query) == {"secret": [begun["secret"]], "issuer": ["Prereview"]}
    assert person.email.partition("@")[0] in link.path


async def test_it_needs_the_password_and_a_confirmed_address(world: World) -> None:
    person = await world.person()
    assert is_problem(await begin(person), 409, "email_unconfirmed")
    await world.confirm_address(person.email)
    assert is_problem(await begin(person, OTHER_PASSWORD), 422, "wrong_password")
    assert is_problem(
        await person.ask("PUT", PATH, {"code": "123456"}), 409, "second_factor_not_enabled"
    )


async def test_beginning_anew_replaces_what_was_not_confirmed(world: World) -> None:
    person = await world.person()
    await world.confirm_address(person.email)
    first, second = [pyotp.TOTP((await begin(person)).json()["secret"]) for _ in range(2)]
    refused = await person.ask("PUT", PATH, {"code": first.at(world.clock.now)})
    assert is_problem(refused, 422, "wrong_second_factor_code")
    taken = await person.ask("PUT", PATH, {"code": second.at(world.clock.now)})
    assert taken.status_code == 200


async def test_a_secret_that_waited_for_an_hour_is_void(world: World) -> None:
    person = await world.person()
    await world.confirm_address(person.email)
    app = pyotp.TOTP((await begin(person)).json()["secret"])
    world.clock.let_pass(hours=1)
    refused = await person.ask("PUT", PATH, {"code": app.at(world.clock.now)})
    assert is_problem(refused, 409, "second_factor_not_enabled")


async def test_one_that_is_on_can_not_be_replaced(world: World) -> None:
    one = await guarded(world)
    assert is_problem(await begin(one.session), 409, "second_factor_already_enabled")
    again = await one.session.ask("PUT", PATH, {"code": one.code()})
    assert is_problem(again, 409, "second_factor_already_enabled")
    assert (await one.try_code(one.code())).status_code == 201


async def test_switching_off_takes_the_password_and_a_code(world: World) -> None:
    one = await guarded(world)
    proofs = [
        ({"password": OTHER_PASSWORD, "code": one.code()}, "wrong_password"),
        ({"password": PASSWORD, "code": one.wrong_code()}, "wrong_second_factor_code"),
        ({"password": PASSWORD, "code": ""}, "wrong_second_factor_code"),
    ]
    for body, code in proofs:
        assert is_problem(await one.session.ask("DELETE", PATH, body), 422, code)
    body = {"password": PASSWORD, "code": one.code()}
    assert (await one.session.ask("DELETE", PATH, body)).status_code == 204
    assert await one.session.get(PATH) == {"enabled_at": None, "recovery_codes_left": 0}
    assert "access_token" in (await world.try_login(one.email)).json()
    assert is_problem(await one.session.ask("DELETE", PATH, body), 409, "second_factor_not_enabled")


async def test_a_recovery_code_switches_it_off_as_well(world: World) -> None:
    one = await guarded(world)
    body = {"password": PASSWORD, "code": one.recovery[0]}
    assert (await one.session.ask("DELETE", PATH, body)).status_code == 204
    assert "access_token" in (await world.try_login(one.email)).json()


async def test_new_recovery_codes_make_the_old_ones_worthless(world: World) -> None:
    one = await guarded(world)
    body = {"password": PASSWORD, "code": one.code()}
    answer = await one.session.ask("POST", f"{PATH}/recovery-codes", body)
    fresh = answer.json()["recovery_codes"]
    assert len(set(fresh) - set(one.recovery)) == 10
    assert is_problem(await one.try_code(one.recovery[0]), 422, "wrong_second_factor_code")
    assert (await one.try_code(fresh[0])).status_code == 201
    wrong = {"password": PASSWORD, "code": one.code()}  # used a moment ago
    refused = await one.session.ask("POST", f"{PATH}/recovery-codes", wrong)
    assert is_problem(refused, 422, "wrong_second_factor_code")


@pytest.mark.parametrize("scopes", [["account"], ["files:read", "files:write", "checks:read"]])
async def test_no_api_token_may_touch_it(world: World, scopes: list[str]) -> None:
    one = await guarded(world)
    made = await one.session.ask("POST", "/tokens", {"name": "ci", "scopes": scopes})
    limited = await world.post("/tokens/access", {"token": made.json()["token"]})
    one.session.tokens = limited.json()
    proof = {"password": PASSWORD, "code": one.code()}
    for method, path, body in [
        ("GET", PATH, None),
        ("POST", PATH, {"password": PASSWORD}),
        ("PUT", PATH, {"code": one.code()}),
        ("DELETE", PATH, proof),
        ("POST", f"{PATH}/recovery-codes", proof),
    ]:
        refused = await one.session.ask(method, path, body)
        assert is_problem(refused, 403, "session_required"), (method, path)


async def test_the_log_and_mails_tell_of_it(world: World) -> None:
    one = await guarded(world)
    assert (await one.answer(await one.challenge(), one.recovery[0])).status_code == 201
    await one.try_code(one.wrong_code())
    await one.try_code(one.wrong_code())
    await one.session.ask("DELETE", PATH, {"password": PASSWORD, "code": one.code()})
    told = [kind for kind in await one.session.log_kinds() if "factor" in kind or "code" in kind]
    assert told == [
        "second_factor_enabled",
        "recovery_code_used",
        "second_factor_refused",
        "second_factor_disabled",
    ]
    entries = (await one.session.get("/me/security-log"))["entries"]
    assert [e["times"] for e in entries if e["kind"] == "second_factor_refused"] == [2]
    mailed = await world.mail_kinds(one.email)
    assert [kind for kind in mailed if kind not in {"confirm_email", "new_sign_in"}] == [
        "second_factor_enabled",
        "recovery_code_used",
        "second_factor_disabled",
    ]
    mail = await world.mail(one.email, "recovery_code_used")
    assert mail["details"]["address"] == world.client["address"]


async def test_no_secret_is_kept_readable_or_told(world: World) -> None:
    one = await guarded(world)
    challenge = await one.challenge()
    kept = await world.everything()
    secrets = [one.app.secret, one.app.byte_secret().hex(), challenge, *one.recovery]
    assert not [secret for secret in secrets if secret.lower() in kept.lower()]
    export = await one.session.ask("GET", "/me/export")
    assert not [secret for secret in secrets if secret in export.text]
    told = export.json()["account"]["second_factor"]
    assert (told["recovery_codes_left"], bool(told["enabled_at"])) == (10, True)


async def test_the_same_secret_is_kept_in_other_words_for_everybody(world: World) -> None:
    """A row copied over another person's is unreadable there, so it lets nobody in."""
    one, other = await guarded(world), await guarded(world)
    await world.rows(
        "UPDATE second_factors SET secret ="
        " (SELECT secret FROM second_factors WHERE user_id = :thief) WHERE user_id = :victim"
        " RETURNING 1",
        thief=one.session.user_id,
        victim=other.session.user_id,
    )
    assert is_problem(await other.try_code(one.code()), 422, "wrong_second_factor_code")
    assert (await other.try_code(other.recovery[0])).status_code == 201


async def test_an_operator_removes_a_lost_one_with_its_recovery_codes(world: World) -> None:
    one = await guarded(world)
    await world.rows(
        "DELETE FROM auth.second_factors WHERE user_id ="
        " (SELECT user_id FROM auth.users WHERE email = :email) RETURNING 1",
        email=one.email,
    )
    assert "access_token" in (await world.try_login(one.email)).json()
    assert await one.session.get(PATH) == {"enabled_at": None, "recovery_codes_left": 0}


async def test_a_password_set_by_mail_leaves_it_on(world: World) -> None:
    one = await guarded(world)
    await world.post("/password-resets", {"email": one.email})
    token = (await world.mail(one.email, "reset_password"))["token"]
    body = {"token": token, "password": OTHER_PASSWORD}
    assert (await world.post("/password-resets", body, "PUT")).status_code == 204
    challenge = await one.challenge(password=OTHER_PASSWORD)
    assert (await one.answer(challenge, one.code())).status_code == 201


async def test_parallel_confirmations_give_one_set_of_recovery_codes(world: World) -> None:
    person = await world.person()
    await world.confirm_address(person.email)
    app = pyotp.TOTP((await begin(person)).json()["secret"])
    body = {"code": app.at(world.clock.now)}
    answers = await asyncio.gather(*(person.ask("PUT", PATH, body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    world.clock.let_pass(seconds=STEP)
    assert (await person.get(PATH))["recovery_codes_left"] == 10
