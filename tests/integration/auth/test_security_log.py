"""Reading the security log page by page."""

import pytest

from tests.integration.auth.harness import (
    AuthHarness,
    new_client,
)
from tests.support.apps import is_problem


async def test_the_log_of_security_is_read_page_by_page(harness: AuthHarness) -> None:
    person = await harness.new_person()
    for _ in range(6):
        await harness.log_in(person.email, client=new_client())
    everything = (await person.get("/me/security-log?limit=100"))["entries"]
    assert len(everything) == 8
    pages, cursor = [], ""
    while True:
        page = await person.get(f"/me/security-log?limit=3{cursor}")
        pages += page["entries"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert pages == everything
    assert (await (await harness.new_person()).security_log_kinds()) == ["registered", "signed_in"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=101",
        "limit=x",
        "limit=1e400",
        "limit=NaN",
        "cursor=",
        "cursor=x",
        "cursor=-1",
        "cursor=0",
        "cursor=1_000",
        "cursor=%00",
        "cursor=9223372036854775808",
        "cursor=10000000000000000000000",
        "cursor=%D9%A1",
    ],
)
async def test_cursors_and_limits_made_of_garbage_are_refused(
    harness: AuthHarness, query: str
) -> None:
    person = await harness.new_person()
    answer = await person.request("GET", f"/me/security-log?{query}")
    assert is_problem(answer, 422, "invalid")
