"""Files over the public API: conditions, limits, one effect per key, versions."""

from uuid import UUID

import httpx2
import pytest

from tests.unit.gateway.fake_services import (
    EVENT,
    Services,
    answer,
    content,
    diff,
    file,
    limits,
    line,
    refusal,
    saved,
    stored,
    summary,
    unreachable,
    version,
)

LIST = "/api/v1/files"
FILE = f"{LIST}/{file()['id']}"
UPLOAD = {"file": ("main.py", b"x")}


async def test_the_list_is_asked_for_as_wished(
    program: httpx2.AsyncClient, services: Services
) -> None:
    wishes = {"mark": "new", "check": "checked", "verdict": "ready", "q": "Ma", "sort": "-size"}
    page = {"files": [file()], "next_cursor": "n", "total": 7}
    services.on("reports GET /internal/files", answer(200, page))
    response = await program.get(LIST, params={**wishes, "cursor": "c", "limit": 3})
    assert (response.json()["total"], response.json()["next_cursor"]) == (7, "n")
    (asked,) = services.called("reports GET /internal/files")
    assert dict(asked.url.params) == {**wishes, "cursor": "c", "limit": "3"}


@pytest.mark.parametrize(
    "query",
    [
        "mark=old",
        "mark=",
        "check=ready",
        "verdict=maybe",
        "sort=id",
        "sort=name;drop",
        "q=",
        "q=a%00",
        f"q={'x' * 101}",
        "limit=201",
        "limit=-1",
        "limit=99999999999999999999999",
    ],
)
async def test_made_up_wishes_are_refused(
    program: httpx2.AsyncClient, services: Services, query: str
) -> None:
    response = await program.get(f"{LIST}?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert not services.called("reports .*")


TAGGED = {
    LIST: ("reports GET /internal/files", {"files": [file()]}, {"files": [file(version=2)]}),
    FILE: ("reports GET /internal/files/.*", file(), file(check="failed")),
    f"{FILE}/checks": ("reports GET .*/checks", {"checks": [summary()]}, {"checks": []}),
    f"{FILE}/versions": ("files GET .*", {"versions": [version(1)]}, {"versions": []}),
    "/api/v1/checks": ("reports GET .*", {"checks": [summary()]}, {"checks": []}),
}


@pytest.mark.parametrize("path", TAGGED)
async def test_what_is_unchanged_is_not_sent_again(
    program: httpx2.AsyncClient, services: Services, path: str
) -> None:
    asked, before, after = TAGGED[path]
    services.on(asked, answer(200, before))
    first = await program.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for had in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await program.get(path, headers={"If-None-Match": had})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    services.on(asked, answer(200, after))
    changed = await program.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_the_tag_of_a_file_is_a_condition_on_its_version(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("reports GET /internal/files/.*", answer(200, file(version=3)))
    services.on("files DELETE .*", answer(200, saved(version=3, mark="deleted")))
    tag = (await program.get(FILE)).headers["etag"]
    assert (await program.delete(FILE, headers={"If-Match": tag})).status_code == 204
    assert services.called("files DELETE .*")[0].url.params["if_version"] == "3"


async def test_bytes_one_has_are_not_sent_again(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files GET .*", content(b"x = 1\n", 3))
    response = await program.get(f"{FILE}/content")
    assert (response.headers["etag"], response.content) == ('"v3"', b"x = 1\n")
    again = await program.get(f"{FILE}/content", headers={"If-None-Match": '"v3"'})
    assert (again.status_code, again.content) == (304, b"")
    older = await program.get(f"{FILE}/content", headers={"If-None-Match": '"v2"'})
    assert older.status_code == 200


async def test_an_upload_tells_what_is_left(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files POST .*", answer(201, saved()))
    services.on("reports GET /internal/files/.*", answer(200, file()))
    response = await program.post(LIST, files=UPLOAD)
    assert response.headers["etag"] == '"v1"'
    assert response.headers["ratelimit-policy"] == '"uploads";q=60;w=60'
    assert response.headers["ratelimit"] == '"uploads";r=58;t=2'
    told = response.json()
    assert told["limits"] == limits()
    assert told["unchanged"] is False
    assert "replayed" not in told


async def test_limits_can_be_asked_for(program: httpx2.AsyncClient, services: Services) -> None:
    empty = {"left": 0, "limit": 60, "window_seconds": 60, "retry_after": 1}
    services.on("files GET /internal/limits", answer(200, limits(uploads=empty)))
    response = await program.get("/api/v1/limits")
    assert response.json()["files"] == {"used": 12, "limit": 1000}
    assert response.headers["ratelimit"] == '"uploads";r=0;t=1'


async def test_too_many_uploads_are_told_when_to_go_on(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on(
        "files POST .*",
        answer(429, {"code": "too_many_uploads", "params": {}}, Retry_After="7"),
    )
    response = await program.post(LIST, files=UPLOAD)
    assert (response.status_code, response.json()["code"]) == (429, "too_many_uploads")
    assert (response.headers["retry-after"], response.headers["ratelimit"]) == (
        "7",
        '"uploads";r=0;t=7',
    )


async def test_a_key_goes_along_and_a_repeated_answer_says_so(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files POST .*", answer(201, saved(), Idempotent_Replayed="true"))
    services.on("files PUT .*", answer(200, saved(version=2, mark="replaced")))
    key = {"Idempotency-Key": "a-1"}
    first = await program.post(LIST, files=UPLOAD, headers=key)
    assert first.headers["idempotent-replayed"] == "true"
    second = await program.put(f"{FILE}/content", files=UPLOAD, headers=key)
    assert "idempotent-replayed" not in second.headers
    calls = services.called("files (POST|PUT) .*")
    assert [call.headers["idempotency-key"] for call in calls] == ["a-1", "a-1"]


@pytest.mark.parametrize("key", [b"", b" ", b"a b", b"\xd0\xb0", b"\x7f", b"x" * 256])
async def test_keys_are_visible_ascii(
    program: httpx2.AsyncClient, services: Services, key: bytes
) -> None:
    headers = [(b"Idempotency-Key", key)]
    response = await program.post(LIST, files=UPLOAD, headers=headers)
    assert response.status_code == 422
    assert not services.called("files .*")


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ('"v7"', "7"),
        (f'"v7-{"a" * 32}"', "7"),
        ('"v3", "v7" ,"x"', "7"),
        ('W/"v7"', "0"),  # weak tags match nothing (RFC 9110, 13.1.1)
        ('"v1", W/"v7"', "1"),
        ('"7"', "0"),
        ('""', "0"),
        ('"v0"', "0"),
        ('"v9999999999"', "0"),
        ("*", None),
        (None, None),
        ('"v999999999"', "999999999"),
    ],
)
async def test_a_condition_goes_along(
    program: httpx2.AsyncClient, services: Services, given: str | None, asked: str | None
) -> None:
    services.on("files PUT .*", answer(200, saved(version=8, mark="replaced")))
    services.on("files DELETE .*", answer(200, saved(version=8, mark="deleted")))
    headers = {} if given is None else {"If-Match": given}
    replaced = await program.put(f"{FILE}/content", files=UPLOAD, headers=headers)
    deleted = await program.delete(FILE, headers=headers)
    assert (replaced.status_code, deleted.status_code) == (200, 204)
    assert "content-type" not in deleted.headers
    for call in services.called("files (PUT|DELETE) .*"):
        assert call.url.params.get("if_version") == asked


@pytest.mark.parametrize(
    "given", ["v7", '"v7', '*, "v7"', '"v7",', '"v 7"', "x", "", 'w/"v7"', f'"{"v" * 500}"']
)
async def test_conditions_that_are_none_are_refused(
    program: httpx2.AsyncClient, services: Services, given: str
) -> None:
    for method, path in (("PUT", f"{FILE}/content"), ("DELETE", FILE)):
        response = await program.request(method, path, headers={"If-Match": given})
        assert response.status_code == 422, path
    assert not services.called("files .*")


async def test_who_was_slower_hears_who_was_faster(
    program: httpx2.AsyncClient, services: Services
) -> None:
    refused = refusal(412, "version_conflict", current=5, yours=3)
    services.on("files GET .*/diff", answer(200, diff(*[line("added", "x")] * 300)))
    services.on("files GET /internal/files/[^/]*", answer(200, stored(version=5, name="b.py")))
    services.on("files PUT .*", refused)
    services.on("files DELETE .*", refused)
    put = {"method": "PUT", "url": f"{FILE}/content", "files": UPLOAD}
    for request in (put, {"method": "DELETE", "url": FILE}):
        response = await program.request(**request, headers={"If-Match": '"v3"'})
        assert (response.status_code, response.headers["etag"]) == (412, '"v5"')
        told = response.json()
        assert (told["code"], told["params"]) == ("version_conflict", {"current": 5, "yours": 3})
        assert (told["current"]["version"], told["current"]["name"]) == (5, "b.py")
        assert told["current"]["saved_at"]
        assert told["diff_url"] == f"{FILE}/diff?from=3&to=5"
        assert told["diff"]["truncated"]
        assert sum(len(hunk["lines"]) for hunk in told["diff"]["hunks"]) == 200
    services.on("files GET .*", unreachable)
    response = await program.delete(FILE, headers={"If-Match": '"v3"'})
    assert (response.status_code, "diff" in response.json()) == (412, False)


async def test_each_caller_hears_of_its_own_version(
    program: httpx2.AsyncClient, services: Services
) -> None:
    """Somebody else's version 9 is in the list by the time version 4 is answered."""
    newest = file(version=9, mark="replaced", name="theirs.py", last_check=summary(version=9))
    services.on("reports GET /internal/files/.*", answer(200, newest))
    services.on("files PUT .*", answer(200, saved(version=4, mark="replaced", sha256="d" * 64)))
    told = (await program.put(f"{FILE}/content", files=UPLOAD)).json()
    assert (told["version"], told["name"], told["sha256"]) == (4, "main.py", "d" * 64)
    assert (told["check"], told["last_check"]) == ("waiting", None)


async def test_the_same_bytes_again_are_answered_as_such(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("reports GET /internal/files/.*", answer(200, file()))
    services.on("files PUT .*", answer(200, saved(unchanged=True, event_id=None)))
    told = (await program.put(f"{FILE}/content", files=UPLOAD)).json()
    assert told["unchanged"] is True
    assert (told["check"], told["last_check"]["version"]) == ("checked", 1)


async def test_a_deleted_file_comes_back(program: httpx2.AsyncClient, services: Services) -> None:
    services.on("files POST .*/restore", answer(200, saved(version=2, mark="replaced")))
    response = await program.post(f"{FILE}/restore")
    assert (response.status_code, response.json()["version"]) == (200, 2)
    services.on("files POST .*/restore", refusal(410, "content_erased"))
    assert (await program.post(f"{FILE}/restore")).json()["status"] == 410
    services.on("files POST .*/restore", refusal(409, "file_name_taken", file_id="x"))
    assert (await program.post(f"{FILE}/restore")).status_code == 409


async def test_versions_are_listed(program: httpx2.AsyncClient, services: Services) -> None:
    page = {"versions": [version(2), version(1)], "next_before": None}
    services.on("files GET .*/versions", answer(200, page))
    told = (await program.get(f"{FILE}/versions", params={"before": 3, "limit": 2})).json()
    assert [(one["version"], one["lines_added"]) for one in told["versions"]] == [(2, 2), (1, 2)]
    (asked,) = services.called("files GET .*")
    assert dict(asked.url.params) == {"before": "3", "limit": "2"}


async def test_a_difference_is_told_in_two_ways(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files GET .*/diff", answer(200, diff()))
    services.on("files GET /internal/files/[^/]*", answer(200, stored(version=2)))
    response = await program.get(f"{FILE}/diff", params={"from": 1})
    assert response.json()["from"] == 1
    assert services.called("files GET .*/diff")[0].url.params["to"] == "2"
    had = {"If-None-Match": response.headers["etag"]}
    assert (await program.get(f"{FILE}/diff?from=1", headers=had)).status_code == 304
    told = b"--- a/main.py\n+++ b/main.py\n@@ -1,1 +1,1 @@\n-\xff\n+x\n"
    services.on("files GET .*/patch", answer(200, told))
    path = f"{FILE}/diff?from=1&format=unified"
    patch = await program.get(path)
    assert dict(services.called("files GET .*/patch")[0].url.params) == {"from": "1", "to": "2"}
    assert patch.headers["content-type"] == "text/x-diff"
    assert (patch.headers["etag"], patch.content) == ('"v1-v2"', told)
    had = {"If-None-Match": '"v1-v2"'}
    assert (await program.get(path, headers=had)).status_code == 304
    assert patch.headers["content-disposition"].startswith(
        'attachment; filename="main.py.1-2.diff"'
    )


@pytest.mark.parametrize(
    "path",
    [
        "/diff",
        "/diff?from=0",
        "/diff?from=x",
        "/diff?from=1&to=-1",
        f"/diff?from={10**22}",
        "/diff?from=1&format=html",
        "/versions?before=0",
        "/versions?limit=1000",
        "/content?version=1_000",
    ],
)
async def test_made_up_versions_are_refused(program: httpx2.AsyncClient, path: str) -> None:
    response = await program.get(FILE + path)
    assert (response.status_code, response.json()["code"]) == (422, "invalid")


async def test_a_log_of_one_file_has_pages(program: httpx2.AsyncClient, services: Services) -> None:
    services.on("reports GET /internal/.*checks", answer(200, {"checks": [summary()]}))
    await program.get(f"{FILE}/checks", params={"cursor": "c", "limit": 2})
    await program.get("/api/v1/checks", params={"file_id": str(UUID(int=2))})
    first, second = services.called("reports GET .*")
    assert (first.url.params["cursor"], first.url.params["limit"]) == ("c", "2")
    assert second.url.params["file_id"] == str(UUID(int=2))


async def test_a_change_waits_for_no_list(program: httpx2.AsyncClient, services: Services) -> None:
    services.on("files PUT .*", answer(200, saved(version=2, mark="replaced")))
    services.on("reports GET /internal/files/.*", answer(200, file(version=1)))
    told = await program.put(f"{FILE}/content", files=UPLOAD)
    (asked,) = services.called("reports .*")
    assert "after" not in asked.url.params
    assert asked.extensions["timeout"]["read"] <= 0.25
    assert (told.json()["check"], told.json()["last_check"]["version"]) == ("waiting", 1)


@pytest.mark.parametrize("path", ["", f"/{file()['id']}", f"/{file()['id']}/checks"])
@pytest.mark.parametrize("act", ["POST", "PUT", "DELETE", "restore"])
async def test_the_look_at_ones_change_waits_for_it(
    program: httpx2.AsyncClient, services: Services, act: str, path: str
) -> None:
    services.on("files (POST|PUT|DELETE) .*", answer(200, saved()))
    match act:
        case "POST":
            await program.post(LIST, files=UPLOAD)
        case "PUT":
            await program.put(f"{FILE}/content", files=UPLOAD)
        case "DELETE":
            await program.delete(FILE)
        case _:
            await program.post(f"{FILE}/restore")
    await program.get(LIST + path)
    assert services.called("reports .*")[-1].url.params["after"] == str(EVENT)


async def test_a_list_that_hangs_is_not_asked_again_for_a_while(
    program: httpx2.AsyncClient, services: Services
) -> None:
    def hangs(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("", request=request)

    services.on("files PUT .*", answer(200, saved(event_id=None, unchanged=True)))
    services.on("reports GET /internal/files/.*", hangs)
    for _ in range(3):
        told = await program.put(f"{FILE}/content", files=UPLOAD)
        assert (told.status_code, told.json()["check"]) == (200, "waiting")
    assert len(services.called("reports .*")) == 1


async def test_a_file_that_stays_tells_of_its_check(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files PUT .*", answer(200, saved(event_id=None, unchanged=True)))
    services.on("reports GET /internal/files/.*", answer(200, file()))
    told = (await program.put(f"{FILE}/content", files=UPLOAD)).json()
    assert (told["unchanged"], told["check"]) == (True, "checked")


async def test_the_cursor_of_a_long_name_is_passed_on(
    program: httpx2.AsyncClient, services: Services
) -> None:
    cursor = "x" * 1000
    assert (await program.get("/api/v1/files", params={"cursor": cursor})).status_code == 200
    assert services.called("reports GET /internal/files")[0].url.params["cursor"] == cursor
