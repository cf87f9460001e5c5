"""What people see on the screens."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi.routing import APIRoute

from services.gateway.main import GatewayLimits
from services.gateway.web import ROUTERS
from tests.support.waiting import eventually
from tests.unit.gateway.fake_services import (
    EVENT,
    Services,
    answer,
    content,
    counts,
    file,
    finding,
    link,
    mail,
    refusal,
    report,
    saved,
    schedule,
    stream,
    summary,
    unreachable,
)

FILE = f"/files/{file()['id']}"
CHECK = f"/checks/{summary()['id']}"


def words(response: httpx2.Response) -> str:
    return " ".join(response.text.split())


def show_file(services: Services, **changes: Any) -> None:
    page = {"files": [file(**changes)], "next_cursor": None}
    services.on("reports GET /internal/files", answer(200, page))
    services.on("reports GET /internal/files/[^/]*", answer(200, file(**changes)))


def posted() -> list[str]:
    """The addresses of all forms."""
    routes = [route for router in ROUTERS for route in router.routes]
    own = [one for one in routes if isinstance(one, APIRoute)]
    return [one.path for one in own if "POST" in (one.methods or ())]


@pytest.mark.parametrize("form", posted())
async def test_the_address_of_a_refused_form_can_be_opened(
    person: httpx2.AsyncClient, services: Services, form: str
) -> None:
    """People reload such a page, come back to it, and choose another language on it."""
    show_file(services)
    services.on("reports GET /internal/files/[^/]*/checks", answer(200, {"checks": []}))
    services.on("auth GET /internal/sessions", answer(200, {"sessions": []}))
    services.on("auth GET /internal/tokens", answer(200, {"tokens": []}))
    services.on("files GET /internal/files/[^/]*/content", content(b"x = 1\n"))
    kind = "log_in" if form.startswith("/log-in") else "confirm_email"
    services.on("auth POST /internal/links", answer(200, link(services, kind=kind)))
    parts = dict.fromkeys(("session_id", "token_id", "token"), str(UUID(int=1)))
    address = form.format(file_id=file()["id"], **parts)
    page = await person.get(address, follow_redirects=True)
    assert page.status_code == 200
    assert page.request.url.path != "/login"
    refused = await person.post(address, headers={"Origin": "https://other.example"})
    assert refused.status_code == 403
    assert f'name="next" value="{address}"' in refused.text


async def test_an_empty_list_tells_what_to_do(person: httpx2.AsyncClient) -> None:
    assert "Upload a Python file above." in words(await person.get("/"))


async def test_a_checked_file_shows_verdict_counts_and_mail(
    person: httpx2.AsyncClient, services: Services
) -> None:
    show_file(services)
    page = words(await person.get("/"))
    assert "Not ready" in page
    assert "1 blocker" in page
    assert "2 notes" in page
    assert "warning" not in page
    assert "2.1 KB" in page
    assert f'href="{CHECK}"' in page
    assert 'Sent <span class="when"><time datetime="2026-11-22T12:00:00Z">' in page


async def test_pages_that_follow_each_other_ask_for_the_schedule_once(
    person: httpx2.AsyncClient, services: Services
) -> None:
    show_file(services, check="waiting", last_check=None)
    for _ in range(3):
        assert "in about 45 s" in words(await person.get("/"))
    assert len(services.called("checker GET /internal/schedule")) == 1


@pytest.mark.parametrize("limits", [GatewayLimits(schedule_ttl=-1.0)])
async def test_a_waiting_file_says_when(person: httpx2.AsyncClient, services: Services) -> None:
    show_file(services, check="waiting", last_check=None)
    assert "in about 45 s" in words(await person.get("/"))
    services.on("checker GET .*", answer(200, schedule(600)))
    assert "in about 10 minutes" in words(await person.get("/"))
    services.on("checker GET .*", answer(200, schedule(-5)))
    assert "any moment now" in words(await person.get("/"))
    services.on("checker GET .*", unreachable)
    assert "at the next run of checks" in words(await person.get("/"))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("waiting", "Not sent yet"),
        ("queued", "Queued"),
        ("held", "Held until your address is confirmed"),
        ("failed", "Not delivered"),
        ("suppressed", "Not sent"),
    ],
)
async def test_the_mail_mark_is_truthful(
    person: httpx2.AsyncClient, services: Services, state: str, told: str
) -> None:
    show_file(services, last_check=summary(mail=mail(state=state, sent_at=None)))
    page = words(await person.get("/"))
    assert f">{told}<" in page
    assert ">Sent" not in page


async def test_names_are_shown_as_text(person: httpx2.AsyncClient, services: Services) -> None:
    show_file(services, name="<script>{{7*7}}.py")
    page = (await person.get("/")).text
    assert "<script>{{" not in page
    assert "&lt;script&gt;{{7*7}}" in page


async def test_pages_of_a_long_list_follow_the_cursor(
    person: httpx2.AsyncClient, services: Services
) -> None:
    page = {"files": [file()], "next_cursor": "a b&c"}
    services.on("reports GET /internal/files", answer(200, page))
    assert 'href="/?cursor=a%20b%26c"' in (await person.get("/")).text
    await person.get("/", params={"cursor": "a b&c"})
    assert services.called("reports GET /internal/files")[-1].url.params["cursor"] == "a b&c"


async def test_a_report_shows_the_code(person: httpx2.AsyncClient, services: Services) -> None:
    services.on("reports GET /internal/checks/.*", answer(200, report()))
    services.on("reports GET /internal/files/[^/]*", answer(200, file()))
    content = answer(200, b"import os\n", X_File_Name="main.py", X_File_Version="1")
    services.on("files GET .*", content)
    page = words(await person.get(CHECK))
    assert "<code>os</code> imported but unused" in page
    assert '<td class="line-number">1</td>' in page
    assert "<mark>os</mark>" in page
    assert "250 Ok" in page
    (asked,) = services.called("files GET .*")
    assert asked.url.params["version"] == "1"


async def test_a_report_stands_without_the_bytes_and_the_file(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("reports GET /internal/checks/.*", answer(200, report()))
    services.on("reports GET /internal/files/[^/]*", refusal(404, "not_found"))
    response = await person.get(CHECK)
    assert response.status_code == 200
    assert "imported but unused" in response.text
    assert "line 1, column 8" in words(response)


async def test_a_failed_check_is_neither_clean_nor_faulty(
    person: httpx2.AsyncClient, services: Services
) -> None:
    failed = report(outcome="failed", verdict=None, reason="timeout", counts=counts(), findings=[])
    services.on("reports GET /internal/checks/.*", answer(200, failed))
    page = words(await person.get(CHECK))
    assert "Not checked" in page
    assert "The check took too long." in page
    assert "Ready" not in page
    assert "No rule had anything to say" not in page


async def test_a_cut_list_tells_the_true_total(
    person: httpx2.AsyncClient, services: Services
) -> None:
    cut = report(truncated=True, counts=counts(warning=12_345, total=12_345))
    services.on("reports GET /internal/checks/.*", answer(200, cut))
    page = words(await person.get(CHECK))
    assert "Only 1 of 12,345 findings are shown, the heaviest." in page


async def test_a_clean_report_is_ready(person: httpx2.AsyncClient, services: Services) -> None:
    fixed = [{k: finding()[k] for k in ("code", "name", "tier", "message", "fingerprint")}]
    clean = report(
        outcome="clean", verdict="ready", counts=counts(fixed=1), findings=[], fixed=fixed
    )
    services.on("reports GET /internal/checks/.*", answer(200, clean))
    page = words(await person.get(CHECK))
    assert "Nothing to fix. Your reviewers can start." in page
    assert "Fixed since the last check" in page


@pytest.mark.parametrize(
    ("left", "told"),
    [(1, "Осталось 1 замечание"), (3, "Осталось 3 замечания"), (11, "Осталось 11 замечаний")],
)
async def test_russian_numbers_are_right(
    person: httpx2.AsyncClient, services: Services, left: int, told: str
) -> None:
    found = report(counts=counts(warning=left, total=left))
    services.on("reports GET /internal/checks/.*", answer(200, found))
    page = await person.get(CHECK, headers={"Accept-Language": "ru"})
    assert told in words(page)


async def test_an_older_report_points_to_the_newest(
    person: httpx2.AsyncClient, services: Services
) -> None:
    newest = summary(id=UUID(int=9), version=2, checked_at="2026-11-22T13:00:00Z")
    services.on("reports GET /internal/checks/.*", answer(200, report()))
    services.on("reports GET /internal/files/[^/]*", answer(200, file(last_check=newest)))
    assert f'href="/checks/{UUID(int=9)}"' in (await person.get(CHECK)).text


@pytest.mark.parametrize(
    ("keep", "name", "notice"),
    [("keep", "main.py", "replaced"), ("new", "other.py", "replaced")],
)
async def test_a_file_is_replaced_under_the_name_that_was_chosen(
    person: httpx2.AsyncClient, services: Services, keep: str, name: str, notice: str
) -> None:
    show_file(services)
    reply = saved(version=2, mark="replaced")
    services.on("files PUT .*", answer(200, reply))
    upload = {"file": ("other.py", b"x = 2\n")}
    form = {"version": "1", "name": keep}
    response = await person.post(f"{FILE}/change", data=form, files=upload)
    assert response.headers["location"] == f"/?after={EVENT}&notice={notice}"
    (call,) = services.called("files PUT .*")
    assert (call.url.params["name"], call.content) == (name, b"x = 2\n")


async def test_the_same_bytes_again_are_told_as_such(
    person: httpx2.AsyncClient, services: Services
) -> None:
    show_file(services)
    reply = saved(event_id=None, unchanged=True)
    services.on("files PUT .*", answer(200, reply))
    upload = {"file": ("main.py", b"x")}
    form = {"version": "1", "name": "keep"}
    response = await person.post(f"{FILE}/change", data=form, files=upload)
    assert response.headers["location"] == "/?notice=unchanged"
    assert "nothing changed" in words(await person.get(response.headers["location"]))


async def test_a_refused_change_keeps_the_choice(
    person: httpx2.AsyncClient, services: Services
) -> None:
    show_file(services)
    services.on("files PUT .*", refusal(409, "file_name_taken", file_id=str(UUID(int=5))))
    upload = {"file": ("b.py", b"x")}
    form = {"version": "1", "name": "new"}
    response = await person.post(f"{FILE}/change", data=form, files=upload)
    assert response.status_code == 409
    assert f'href="/files/{UUID(int=5)}/change"' in response.text
    assert 'value="new" id="name-new" checked' in response.text


async def test_deleting_asks_first(person: httpx2.AsyncClient, services: Services) -> None:
    show_file(services)
    reply = saved(mark="deleted")
    services.on("files DELETE .*", answer(200, reply))
    assert 'method="post"' in (await person.get(f"{FILE}/delete")).text
    assert not services.called("files DELETE .*")
    response = await person.post(f"{FILE}/delete", data={"version": "1"})
    assert response.headers["location"] == f"/?after={EVENT}&notice=deleted"


@pytest.mark.parametrize("version", ["", "0", "abc", "1.0"])
async def test_nothing_changes_in_a_file_whose_version_was_not_seen(
    person: httpx2.AsyncClient, services: Services, version: str
) -> None:
    show_file(services)
    data, text = {"version": version, "name": "keep"}, {"text": (None, "x = 2")}
    for part, files in (
        ("change", {"file": ("main.py", b"x = 2")}),
        ("edit", text),
    ):
        response = await person.post(f"{FILE}/{part}", data=data, files=files)
        assert response.status_code == 422, part
    assert (await person.post(f"{FILE}/delete", data=data)).status_code == 422
    assert not services.called("files (PUT|DELETE) .*")


async def test_a_deleted_file_keeps_its_log(person: httpx2.AsyncClient, services: Services) -> None:
    show_file(services, mark="deleted")
    log = {"checks": [summary()], "next_cursor": None}
    services.on("reports GET /internal/files/.*/checks", answer(200, log))
    page = words(await person.get(FILE))
    assert "This file is deleted." in page
    assert "Report of version 1" in page
    services.on("reports GET /internal/files/[^/]*", refusal(404, "not_found"))
    assert (await person.get(FILE)).status_code == 404


async def test_a_download_is_saved_and_never_shown(
    person: httpx2.AsyncClient, services: Services
) -> None:
    content = answer(200, b"<script>", X_File_Name="%D0%BE.py", X_File_Version="3")
    services.on("files GET .*", content)
    response = await person.get(f"{FILE}/content", params={"version": 3})
    assert response.content == b"<script>"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-disposition"] == (
        "attachment; filename=\"_.py\"; filename*=UTF-8''%D0%BE.py"
    )


async def test_the_language_is_chosen_by_a_post(person: httpx2.AsyncClient) -> None:
    response = await person.post("/language", data={"language": "ru", "next": "/checks?cursor=x"})
    assert response.headers["location"] == "/checks?cursor=x"
    assert '<html lang="ru">' in (await person.get("/")).text
    await person.post("/language", data={"language": "xx", "next": "//evil"})
    assert '<html lang="ru">' in (await person.get("/")).text


async def test_news_are_passed_on(person: httpx2.AsyncClient, services: Services) -> None:
    news = b'id: 7\nevent: mail\ndata: {"check_id":"x"}\n\n'
    services.on("reports GET /internal/feed", stream(news))
    response = await person.get("/events", headers={"Last-Event-ID": "6"})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.content.endswith(news)
    (call,) = services.called("reports GET /internal/feed")
    assert call.headers["last-event-id"] == "6"


@pytest.mark.parametrize("limits", [GatewayLimits(event_streams=2)])
async def test_a_person_has_a_limited_number_of_event_streams(
    person: httpx2.AsyncClient, services: Services
) -> None:
    reached, end = asyncio.Semaphore(0), asyncio.Event()

    async def silence() -> AsyncIterator[bytes]:
        reached.release()
        await end.wait()
        yield b""

    services.on("reports GET /internal/feed", lambda _: httpx2.Response(200, content=silence()))
    bearer = {"Authorization": f"Bearer {services.access_token()}"}
    open_ones = [
        asyncio.create_task(person.get("/events")),
        asyncio.create_task(person.get("/api/v1/events", headers=bearer)),
    ]
    async with asyncio.timeout(10):
        for _ in open_ones:
            await reached.acquire()
    refused = await person.get("/api/v1/events", headers=bearer)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_event_streams")
    assert refused.headers["retry-after"] == "30"
    end.set()
    assert [answer.status_code for answer in await asyncio.gather(*open_ones)] == [200, 200]

    async def there_is_room() -> bool:
        return (await person.get("/events")).status_code == 200

    await eventually(there_is_room)  # a turn ends after its last byte has left


@pytest.mark.parametrize("given", ["x", "-1", "1\u0660", "9" * 30])
async def test_a_made_up_place_in_the_news_is_ignored(
    person: httpx2.AsyncClient, services: Services, given: str
) -> None:
    services.on("reports GET /internal/feed", stream())
    await person.get("/events", headers=[(b"Last-Event-ID", given.encode())])
    assert "last-event-id" not in services.called("reports GET /internal/feed")[0].headers


async def test_static_files_are_kept_for_ever_under_their_content(
    browser: httpx2.AsyncClient,
) -> None:
    page = await browser.get("/login")
    sheet = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    response = await browser.get(sheet)
    assert response.headers["content-type"].startswith("text/css")
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["content-encoding"] == "gzip"
    plain = await browser.get(sheet, headers={"Accept-Encoding": "identity"})
    assert plain.content == response.content
    old = await browser.get("/static/000000000000/site.css")
    assert old.headers["cache-control"] == "no-cache"
