"""Changing language, time zone, theme and mails about new devices."""

import pytest

from tests.integration.auth.harness import (
    AuthHarness,
    Variant,
)
from tests.support.apps import is_problem


async def test_preferences_change_one_by_one_and_together(harness: AuthHarness) -> None:
    person = await harness.new_person()
    before = await person.get("/me")
    for change in (
        {"theme": "dark"},
        {"time_zone": "America/Argentina/Buenos_Aires"},
        {"language": "en", "mail_on_new_device": False},
        {},
    ):
        answer = await person.request("PATCH", "/me", change)
        assert answer.status_code == 200
        before |= change
        assert answer.json() == before == await person.get("/me")
    again = await harness.log_in(person.email)
    assert again.tokens["preferences"] == {
        "language": "en",
        "time_zone": "America/Argentina/Buenos_Aires",
        "theme": "dark",
    }


async def test_the_world_hears_of_another_language_once(harness: AuthHarness) -> None:
    person = await harness.new_person()
    for language in ("ru", "en", "en"):
        await person.request("PATCH", "/me", {"language": language})
    kinds = [kind for _, kind in await harness.events(person.user_id)]
    assert kinds.count("LanguageChanged") == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"language": "de"}, "invalid"),
        ({"language": None}, "invalid"),
        ({"theme": "pink"}, "invalid"),
        ({"time_zone": "Mars/Olympus"}, "time_zone_unknown"),
        ({"time_zone": "../../etc/passwd"}, "time_zone_unknown"),
        ({"time_zone": "\0"}, "time_zone_unknown"),
        ({"time_zone": "utc\n"}, "time_zone_unknown"),
        ({"time_zone": "x" * 101}, "invalid"),
        ({"mail_on_new_device": "yes"}, "invalid"),
        ({"mail_on_new_device": 1}, "invalid"),
        ({"email": "x@example.org"}, "invalid"),
        ({"is_admin": True}, "invalid"),
        ({"email_confirmed": True}, "invalid"),
    ],
    ids=repr,
)
async def test_wrong_preferences_are_refused(
    harness: AuthHarness, change: dict[str, object], code: str
) -> None:
    person = await harness.new_person()
    assert is_problem(await person.request("PATCH", "/me", change), 422, code)


async def test_what_leaves_a_trace_is_done_so_often_an_hour(
    variant: Variant,
) -> None:
    async with variant(limits={"changes": 3}) as strict:
        person = await strict.new_person()
        for language in ("en", "ru", "en"):
            assert (await person.request("PATCH", "/me", {"language": language})).status_code == 200
        for request in (
            ("PATCH", "/me", {"language": "ru"}),
            ("POST", "/tokens", {"name": "ci", "scopes": ["account"]}),
            ("GET", "/me/export"),
        ):
            refused = await person.request(*request)
            assert is_problem(refused, 429, "too_many_attempts")
            assert refused.json()["params"] == {"minutes": 60}
            assert refused.headers["retry-after"] == "3600"
        strict.clock.advance(hours=1)
        assert (await person.request("PATCH", "/me", {"language": "ru"})).status_code == 200
