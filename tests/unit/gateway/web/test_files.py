"""The screens of files: list, deleted ones, versions, differences, editing, conflicts."""

import io
import re
import threading
import zipfile
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from services.gateway.identity.renewing_user import Renewal
from services.gateway.main import GatewayLimits
from services.gateway.source_view import text_editing
from shared import source_text
from shared.web.files_state import FILES_STATE
from tests.unit.gateway.fake_services import (
    EVENT,
    Answer,
    Services,
    answer,
    content,
    diff,
    file,
    limits,
    refusal,
    saved,
    stored,
    stored_version,
    summary,
    unreachable,
    version,
    versions,
)

FILE = f"/files/{file()['id']}"
CONFLICT = refusal(412, "version_conflict", current=5, yours=3)


def words(response: httpx2.Response) -> str:
    return " ".join(response.text.split())


def list_holds(services: Services, *files: dict[str, Any], **more: Any) -> None:
    page = {"files": files, "next_cursor": None, "total": len(files), **more}
    services.on("reports GET /internal/files", answer(200, page))


@pytest.fixture(autouse=True)
def _file(services: Services) -> None:
    services.on("reports GET /internal/files/[^/]*", answer(200, file(version=3)))
    services.on("reports GET /internal/files/[^/]*/checks", answer(200, {"checks": [summary()]}))
    services.on("files GET /internal/files/[^/]*", answer(200, stored(version=3)))
    versions = {"versions": [version(3), version(2), version(1)], "next_before": None}
    services.on("files GET /internal/files/[^/]*/versions", answer(200, versions))
    services.on("files GET /internal/files/[^/]*/diff", answer(200, diff()))
    services.on("files POST /internal/files/[^/]*/diff", answer(200, diff(to=None)))
    services.on("files GET /internal/files/[^/]*/content", content(b"x = 1\r\n", 3))


# The list


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("q=ma&mark=new&sort=-size", {"q": "ma", "mark": "new", "sort": "-size"}),
        ("result=waiting", {"check": "waiting"}),
        ("result=failed", {"check": "failed"}),
        ("result=ready", {"verdict": "ready"}),
        ("result=not_ready&q=%20", {"verdict": "not_ready"}),
        ("q=&mark=&result=&sort=", {}),
        ("mark=deleted", {"mark": "deleted"}),
    ],
)
async def test_the_list_is_filtered(
    person: httpx2.AsyncClient, services: Services, query: str, asked: dict[str, str]
) -> None:
    assert (await person.get(f"/?{query}")).status_code == 200
    (call,) = services.called("reports GET /internal/files")
    assert dict(call.url.params) == {"limit": "50", **asked}


@pytest.mark.parametrize("query", ["mark=x", "result=x", "sort=x", "q=%00", f"q={'x' * 101}"])
async def test_made_up_filters_are_refused(person: httpx2.AsyncClient, query: str) -> None:
    response = await person.get(f"/?{query}")
    assert response.status_code == 422
    assert "Something in the request has a value that is not allowed." in response.text


async def test_the_next_page_keeps_the_filters(
    person: httpx2.AsyncClient, services: Services
) -> None:
    list_holds(services, file(), next_cursor="a b", total=57)
    page = await person.get("/", params={"q": "<b>", "sort": "name"})
    assert 'href="/?q=%3Cb%3E&amp;sort=name&amp;cursor=a%20b"' in page.text
    assert 'value="&lt;b&gt;"' in page.text
    assert '<option value="name" selected>' in page.text
    assert "57 files" in page.text


async def test_filters_that_let_nothing_through_offer_the_way_back(
    person: httpx2.AsyncClient,
) -> None:
    page = words(await person.get("/?q=nothing"))
    assert "No files match" in page
    assert "Upload a Python file above" not in page


LATE = "News of your files reaches this list late at the moment."


def answer_files_states(
    services: Services, stored: str, listed: str, *files: dict[str, Any]
) -> None:
    """Let files and reports each answer how many files the person has, and the newest time."""
    page = {"files": files, "next_cursor": None, "total": len(files)}
    used = {"used": 2, "limit": 1000}
    services.on("reports GET /internal/files", answer(200, page, **{FILES_STATE: listed}))
    services.on(
        "files GET /internal/limits", answer(200, limits(files=used), **{FILES_STATE: stored})
    )


async def test_a_list_that_misses_what_is_stored_does_not_say_that_nothing_is_there(
    person: httpx2.AsyncClient, services: Services
) -> None:
    answer_files_states(services, "2 2026-11-22T12:07:00+00:00", "0")
    page = words(await person.get("/"))
    assert LATE in page
    assert "moment. 2 files of yours are stored. What is missing" in page
    assert "Nothing here yet" not in page
    russian = words(await person.get("/", headers={"Accept-Language": "ru"}))
    assert "Здесь пока пусто" not in russian
    assert "сохранено 2 ваших файла" in russian


@pytest.mark.parametrize("query", ["", "?q=ma", "?result=waiting", "?sort=name", "?mark=deleted"])
async def test_every_list_tells_that_it_is_behind(
    person: httpx2.AsyncClient, services: Services, query: str
) -> None:
    answer_files_states(
        services, "2 2026-11-22T12:08:00+00:00", "2 2026-11-22T12:07:00+00:00", file()
    )
    assert LATE in words(await person.get(f"/{query}"))


@pytest.mark.parametrize("known", ["2 2026-11-22T12:07:00+00:00", "0"])
async def test_a_list_that_knows_what_is_stored_says_nothing_of_it(
    person: httpx2.AsyncClient, services: Services, known: str
) -> None:
    answer_files_states(services, known, known)
    page = words(await person.get("/"))
    assert LATE not in page
    assert "Nothing here yet" in page


async def test_the_form_tells_what_may_be_uploaded(
    person: httpx2.AsyncClient, services: Services
) -> None:
    assert "12 of 1,000 files, 3.1 MB of 200 MB." in words(await person.get("/"))
    few = {"left": 9, "limit": 60, "window_seconds": 60, "retry_after": 0}
    services.on("files GET /internal/limits", answer(200, limits(uploads=few)))
    told = "12 of 1,000 files, 3.1 MB of 200 MB; you can upload 9 more this minute."
    assert told in words(await person.get("/"))
    russian = words(await person.get("/", headers={"Accept-Language": "ru"}))
    assert "12 из 1 000 файлов, 3,1 МБ из 200 МБ; в эту минуту можно" in russian
    empty = {"left": 0, "limit": 60, "window_seconds": 60, "retry_after": 4}
    services.on("files GET /internal/limits", answer(200, limits(uploads=empty)))
    assert "the next upload is possible in 4 seconds." in words(await person.get("/"))
    services.on("files GET /internal/limits", unreachable)
    assert (await person.get("/")).status_code == 200


async def test_deleted_files_can_be_restored_while_their_contents_are_there(
    person: httpx2.AsyncClient, services: Services
) -> None:
    gone = {"mark": "deleted", "deleted_at": "2026-11-22T12:00:00Z"}
    list_holds(
        services,
        file(**gone, id=UUID(int=5), restorable=True),
        file(**gone, id=UUID(int=6), restorable=False),
    )
    page = (await person.get("/?mark=deleted")).text
    assert f'method="post" action="/files/{UUID(int=5)}/restore"' in page
    assert f"/files/{UUID(int=6)}/restore" not in page
    assert "contents are gone" in page


async def test_restoring_leads_to_the_file(person: httpx2.AsyncClient, services: Services) -> None:
    services.on("files POST .*/restore", answer(200, saved()))
    response = await person.post(f"{FILE}/restore")
    assert response.headers["location"] == f"{FILE}?after={EVENT}&notice=restored"
    page = words(await person.get(f"{FILE}?notice=restored"))
    assert "The file is back, as it was when it was deleted." in page
    assert "will be checked" not in page  # its version may have its result already


async def test_a_taken_name_keeps_a_file_from_coming_back(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("reports GET /internal/files/[^/]*", answer(200, file(mark="deleted")))
    taken = str(UUID(int=9))
    services.on("files POST .*/restore", refusal(409, "file_name_taken", file_id=taken))
    response = await person.post(f"{FILE}/restore")
    assert response.status_code == 409
    assert "You already have a file of this name." in response.text
    assert f'href="/files/{taken}"' in response.text


async def test_all_files_come_as_one_zip(
    person: httpx2.AsyncClient, program: httpx2.AsyncClient, services: Services
) -> None:
    def page(request: httpx2.Request) -> httpx2.Response:
        more = request.url.params.get("cursor") is None
        found = [file(id=UUID(int=1 if more else 3)), file(id=UUID(int=2))]
        body = {"files": found if more else found[:1], "next_cursor": "n" if more else None}
        return answer(200, body)(request)

    services.on("reports GET /internal/files", page)
    kept = [
        stored_version(UUID(int=1), 2, "same.py", b"1"),
        stored_version(UUID(int=1), 1, "same.py", b"old"),
        stored_version(UUID(int=2), 1, "same.py", None),  # erased meanwhile
        stored_version(UUID(int=3), 1, "Same.py", b"3"),
    ]
    services.on("files POST /internal/versions", versions(*kept))
    for http, path in ((person, "/files.zip"), (program, "/api/v1/files/archive")):
        response = await http.get(path)
        assert response.headers["content-type"] == "application/zip"
        assert re.match(
            r'attachment; filename="prereview-\d{4}-\d\d-\d\d\.zip"',
            response.headers["content-disposition"],
        )
        archive = zipfile.ZipFile(io.BytesIO(response.content))
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "same.py": b"1",
            f"{UUID(int=3)}/Same.py": b"3",
        }
    services.on("reports GET /internal/files", unreachable)
    assert (await program.get("/api/v1/files/archive")).status_code == 503


@pytest.mark.parametrize("limits", [GatewayLimits(renewal=Renewal(after=0.0))])
async def test_a_long_download_outlives_the_access_token(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/sessions/access", _new_token(services))
    ids = [UUID(int=number) for number in (1, 2)]
    list_holds(services, *(file(id=one) for one in ids))
    kept = [stored_version(one, 1, "main.py") for one in ids]
    services.on("files POST /internal/versions", versions(*kept))
    assert (await person.get("/files.zip")).status_code == 200
    used = [call.headers["authorization"] for call in services.called("files POST .*/versions")]
    assert len(set(used)) == 2


def _new_token(services: Services) -> Answer:
    def renewed(request: httpx2.Request) -> httpx2.Response:
        services.session_id = uuid4()
        return answer(200, services.tokens(token=None))(request)

    return renewed


# Versions and differences


async def test_a_file_shows_its_versions(person: httpx2.AsyncClient, services: Services) -> None:
    found = {
        "versions": [
            version(3, lines_added=1024),
            version(2, name="old.py", available=False),
            version(1, lines_removed=0),
        ],
        "next_before": 1,
    }
    services.on("files GET /internal/files/[^/]*/versions", answer(200, found))
    page = await person.get(FILE)
    told = words(page)
    assert "+1,024" in told
    assert '<bdi class="name version-name">old.py</bdi>' in told
    assert f'href="{FILE}/diff?from=2&amp;to=3"' in told
    assert f'href="{FILE}/content?version=3"' in told
    assert f'href="{FILE}/content?version=2"' not in told
    assert 'name="v" value="2"' not in told
    assert f'href="{FILE}?before=1"' in told
    assert f'href="/checks/{summary()["id"]}"' in told
    await person.get(FILE, params={"before": 1})
    assert services.called("files GET .*/versions")[-1].url.params["before"] == "1"


async def test_every_version_that_has_no_result_yet_waits(
    person: httpx2.AsyncClient, services: Services
) -> None:
    waiting = file(version=3, check="waiting", last_check=summary(version=1))
    services.on("reports GET /internal/files/[^/]*", answer(200, waiting))
    page = words(await person.get(FILE))
    history = page.partition('class="rows history"')[2].partition("</table>")[0]
    assert history.count('<span class="chip chip-waiting">') == 2


async def test_a_file_is_shown_while_files_is_away(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files .*", unreachable)
    services.on("files GET /internal/files/[^/]*/versions", unreachable)
    page = words(await person.get(FILE))
    assert "The versions can&#39;t be shown" in page or "The versions can't be shown" in page
    assert "Report of version 1" in page


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("from=1&to=3", ("1", "3")),
        ("from=3&to=1", ("3", "1")),
        ("v=3&v=1", ("1", "3")),
        ("v=2&v=3", ("2", "3")),
    ],
)
async def test_two_versions_are_compared(
    person: httpx2.AsyncClient, services: Services, query: str, asked: tuple[str, str]
) -> None:
    assert (await person.get(f"{FILE}/diff?{query}")).status_code == 200
    (call,) = services.called("files GET .*/diff")
    assert (call.url.params["from"], call.url.params["to"]) == asked


@pytest.mark.parametrize("query", ["", "v=1", "v=1&v=2&v=3", "v=1&v=1", "from=1", "to=2"])
async def test_it_takes_two_to_compare(
    person: httpx2.AsyncClient, services: Services, query: str
) -> None:
    response = await person.get(f"{FILE}/diff?{query}")
    assert response.headers["location"] == f"{FILE}?notice=choose_two"
    assert not services.called("files GET .*/diff")


async def test_changed_lines_are_shown_as_text(
    person: httpx2.AsyncClient, services: Services
) -> None:
    unified = (await person.get(f"{FILE}/diff?from=1&to=2")).text
    assert "    return x<mark> + &lt;1&gt;</mark>" in unified
    assert "<1>" not in unified
    split = (await person.get(f"{FILE}/diff?from=1&to=2&view=split")).text
    assert '<td class="line diff-removed">    return x</td>' in split
    assert "only-narrow" in split


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"identical": True, "hunks": []}, "Both are the same, byte by byte."),
        ({"note": "line_endings", "hunks": []}, "Only the line ends differ"),
        ({"note": "encoding", "hunks": []}, "Only the encoding differs"),
        ({"truncated": True}, "This is only the beginning"),
    ],
)
async def test_what_lines_can_not_show_is_told(
    person: httpx2.AsyncClient, services: Services, changes: dict[str, Any], told: str
) -> None:
    services.on("files GET /internal/files/[^/]*/diff", answer(200, diff(**changes)))
    assert told in words(await person.get(f"{FILE}/diff?from=1&to=2"))


# Editing


def text_form(text: str, **more: str) -> dict[str, Any]:
    """A form as browsers send it: multipart, CR LF at line ends."""
    values = {"version": "3", "name": "main.py", "text": text, **more}
    sent = {name: value.replace("\n", "\r\n") for name, value in values.items()}
    return {"files": {name: (None, value.encode()) for name, value in sent.items()}}


async def test_the_text_stands_in_the_form(person: httpx2.AsyncClient, services: Services) -> None:
    services.on("files GET .*/content", content(b"\n</textarea><b>\r\n", 3))
    page = (await person.get(f"{FILE}/edit")).text
    assert "\n\n&lt;/textarea&gt;&lt;b&gt;\n</textarea>" in page  # the first line end is the tag's
    assert 'name="version" value="3"' in page


async def test_saving_makes_a_version_and_keeps_the_line_ends(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files PUT .*", answer(200, saved(version=4, mark="replaced")))
    response = await person.post(f"{FILE}/edit", **text_form("x = 1\ny = 2\n"))
    assert response.headers["location"] == f"{FILE}?after={EVENT}&notice=replaced"
    (call,) = services.called("files PUT .*")
    assert call.content == b"x = 1\r\ny = 2\r\n"
    assert dict(call.url.params) == {"name": "main.py", "if_version": "3"}


async def test_saving_what_was_not_changed_says_so(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files PUT .*", answer(200, saved(version=3, unchanged=True, event_id=None)))
    response = await person.post(f"{FILE}/edit", **text_form("x = 1\n"))
    assert response.headers["location"] == f"{FILE}?notice=unchanged_text"
    assert services.called("files PUT .*")[0].content == b"x = 1\r\n"


@pytest.mark.parametrize(
    ("reply", "status", "told"),
    [
        (unreachable, 503, "not available at the moment"),
        (refusal(422, "not_text"), 422, "This is not a text file."),
        (refusal(429, "too_many_uploads"), 429, ""),
        (refusal(404, "not_found"), 404, "Look whether the file was deleted"),
        (refusal(401, "unauthenticated"), 401, "Log in in another tab"),
    ],
)
async def test_when_saving_fails_the_text_stays(
    person: httpx2.AsyncClient, services: Services, reply: Any, status: int, told: str
) -> None:
    services.on("files PUT .*", reply)
    response = await person.post(f"{FILE}/edit", **text_form("mine = '<1>'\n"))
    assert response.status_code == status
    assert told in words(response)
    assert "mine = &#39;&lt;1&gt;&#39;\n</textarea>" in response.text
    assert 'name="version" value="3"' in response.text


async def test_the_text_outlives_the_session(
    person: httpx2.AsyncClient, services: Services
) -> None:
    person.cookies.clear()
    response = await person.post(f"{FILE}/edit", **text_form("mine = 1\n"))
    assert response.status_code == 401
    assert "mine = 1\n</textarea>" in response.text
    assert not services.called("files .*")


async def test_a_text_above_the_limit_stays_in_the_form(
    person: httpx2.AsyncClient, services: Services
) -> None:
    response = await person.post(f"{FILE}/edit", **text_form("#" * (1024 * 1024 + 1)))
    assert response.status_code == 413
    assert "#" * (1024 * 1024 + 1) in response.text
    assert not services.called("files PUT .*")


async def test_a_character_outside_of_the_encoding_is_told(
    person: httpx2.AsyncClient, services: Services
) -> None:
    response = await person.post(f"{FILE}/edit", **text_form("# coding: latin-1\n'я'\n"))
    assert response.status_code == 422
    assert "written in the encoding" in response.text


async def test_a_file_of_a_rare_encoding_is_not_edited_here(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files GET .*/content", content(b"\xff\xfe\x00", 3))
    page = words(await person.get(f"{FILE}/edit"))
    assert "<textarea" not in page
    assert "Upload a new version" in page


async def test_an_open_form_hears_of_a_newer_version(
    person: httpx2.AsyncClient, services: Services
) -> None:
    page = (await person.get(f"{FILE}/edit")).text
    assert f'data-live-address="{FILE}/newer?than=3"' in page
    assert "saved meanwhile" not in (await person.get(f"{FILE}/newer?than=3")).text
    services.on("files GET /internal/files/[^/]*", answer(200, stored(version=4)))
    assert "Version 4 was saved meanwhile" in (await person.get(f"{FILE}/newer?than=3")).text
    services.on("files GET /internal/files/[^/]*", answer(200, stored(mark="deleted")))
    assert "deleted meanwhile" in (await person.get(f"{FILE}/newer?than=3")).text
    assert (await person.get(f"{FILE}/edit")).headers["location"] == FILE


async def test_long_texts_are_read_beside_the_event_loop(
    person: httpx2.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[tuple[str, bool]] = []

    def noting(module: ModuleType, name: str) -> Any:
        real = getattr(module, name)

        def noted(*given: Any, **more: Any) -> Any:
            is_loop = threading.current_thread() is threading.main_thread()
            places.append((name, is_loop))
            return real(*given, **more)

        return noted

    monkeypatch.setattr(source_text, "with_lf", noting(source_text, "with_lf"))
    for name in ("shown", "written", "sample"):
        monkeypatch.setattr(text_editing, name, noting(text_editing, name))
    services.on("files PUT .*", CONFLICT)
    await person.get(f"{FILE}/edit")
    await person.post(f"{FILE}/edit", **text_form("mine = 1\n"))
    person.cookies.clear()
    await person.post(f"{FILE}/edit", **text_form("mine = 1\n"))
    assert {name for name, _ in places} == {"with_lf", "shown", "written", "sample"}
    assert not any(is_loop for _, is_loop in places)


# Conflicts


async def test_who_was_faster_is_shown_and_nothing_is_lost(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files PUT .*", CONFLICT)
    services.on("files GET /internal/files/[^/]*", answer(200, stored(version=5)))
    response = await person.post(f"{FILE}/edit", **text_form("mine = 1\n"))
    assert response.status_code == 412
    told = words(response)
    assert "You began with version 3." in told
    assert 'Version 5 was saved first (<time datetime="2026-11-22T12:00:00Z">' in told
    assert "Save mine as version 6" in told
    assert "Discard mine" in told
    assert "mine = 1\n</textarea>" in response.text
    (compared,) = services.called("files POST .*/diff")
    assert (compared.url.params["from"], compared.content) == ("5", b"mine = 1\r\n")
    again = {name: _hidden(response.text, name) for name in ("version", "name", "ends")}
    services.on("files PUT .*", answer(200, saved(version=6, mark="replaced")))
    await person.post(f"{FILE}/edit", **text_form("mine = 1\n", **again))
    last = services.called("files PUT .*")[-1]
    assert (last.url.params["if_version"], last.content) == ("5", b"mine = 1\r\n")


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found
    return found.group(1)


async def test_a_form_without_its_text_empties_no_file(
    person: httpx2.AsyncClient, services: Services
) -> None:
    form = {"version": (None, "3"), "name": (None, "main.py")}
    assert (await person.post(f"{FILE}/edit", files=form)).status_code == 422
    assert not services.called("files PUT .*")


async def test_an_uploaded_text_is_kept_in_the_conflict(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files PUT .*", CONFLICT)
    upload = {"file": ("b.py", b"\xef\xbb\xbfmine = 1\r\n")}
    sent = {"version": "3", "name": "new"}
    response = await person.post(f"{FILE}/change", data=sent, files=upload)
    assert response.status_code == 412
    assert services.called("files PUT .*")[0].url.params["if_version"] == "3"
    assert "mine = 1\n</textarea>" in response.text
    again = {name: _hidden(response.text, name) for name in ("version", "name", "ends", "bom")}
    assert again == {"version": "3", "name": "b.py", "ends": "crlf", "bom": "1"}
    services.on("files PUT .*", answer(200, saved(version=6, mark="replaced")))
    await person.post(f"{FILE}/edit", **text_form("mine = 1\n", **again))
    assert services.called("files PUT .*")[-1].content == b"\xef\xbb\xbfmine = 1\r\n"


async def test_an_upload_that_is_no_text_has_to_be_chosen_again(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files PUT .*", CONFLICT)
    services.on("files POST .*/diff", refusal(422, "not_text"))
    upload = {"file": ("main.py", b"\xff\xfe\x00")}
    response = await person.post(f"{FILE}/change", data={"version": "3"}, files=upload)
    assert response.status_code == 412
    assert "Choose the file again" in words(response)
    assert "<textarea" not in response.text


async def test_a_newer_version_is_not_deleted_unseen(
    person: httpx2.AsyncClient, services: Services
) -> None:
    assert 'name="version" value="3"' in (await person.get(f"{FILE}/delete")).text
    services.on("files DELETE .*", CONFLICT)
    services.on("files GET /internal/files/[^/]*", answer(200, stored(version=5)))
    response = await person.post(f"{FILE}/delete", data={"version": "3"})
    assert response.status_code == 412
    assert 'name="version" value="5"' in response.text
    assert services.called("files DELETE .*")[0].url.params["if_version"] == "3"


async def test_files_are_changed_and_deleted_while_reports_is_away(
    person: httpx2.AsyncClient, services: Services
) -> None:
    for kind in ("files", "files/[^/]*", "files/[^/]*/checks"):
        services.on(f"reports GET /internal/{kind}", unreachable)
    for form in ("change", "delete", "edit"):
        page = await person.get(f"{FILE}/{form}")
        assert page.status_code == 200
        assert 'name="version" value="3"' in page.text
    services.on("files PUT .*", answer(200, saved(version=4, mark="replaced")))
    upload = {"file": ("b.py", b"y = 1\n")}
    response = await person.post(f"{FILE}/change", data={"version": "3"}, files=upload)
    assert response.headers["location"] == f"/?after={EVENT}&notice=replaced"
    assert services.called("files PUT .*")[0].url.params["name"] == "main.py"
    services.on("files PUT .*", refusal(422, "not_text"))
    response = await person.post(f"{FILE}/change", data={"version": "3"}, files=upload)
    assert response.status_code == 422
    services.on("files DELETE .*", answer(200, saved(mark="deleted")))
    response = await person.post(f"{FILE}/delete", data={"version": "3"})
    assert response.headers["location"] == f"/?after={EVENT}&notice=deleted"


@pytest.mark.parametrize("what", ["edit", "change", "delete"])
async def test_a_deleted_file_is_restored_before_anything_else(
    person: httpx2.AsyncClient, services: Services, what: str
) -> None:
    services.on("reports GET /internal/files/[^/]*", answer(200, file(mark="deleted")))
    services.on("files GET /internal/files/[^/]*", answer(200, stored(mark="deleted")))
    assert (await person.get(f"{FILE}/{what}")).headers["location"] == FILE


async def test_names_from_right_to_left_stay_apart(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on(
        "files POST /internal/files", refusal(422, "file_name_invalid", maximum=100, bytes=255)
    )
    name = "\u202egpj.\u202cy.py"
    response = await person.post("/", files={"files": (name, b"x")})
    assert name not in response.text
    shown = response.text.partition('<bdi class="name fw-bold">')[2].partition("</bdi>")[0]
    assert re.sub("<[^>]*>", " ", shown) == " U+202E gpj. U+202C y.py"


@pytest.mark.parametrize(
    "path", ["/edit", "/diff?from=1&to=2", "/newer?than=1", "/content", "", "/change", "/delete"]
)
async def test_files_of_others_are_not_there(
    person: httpx2.AsyncClient, services: Services, path: str
) -> None:
    for service in ("files", "reports"):
        services.on(f"{service} GET /internal/files/.*", refusal(404, "not_found"))
        services.on(f"{service} GET /internal/files/[^/]*", refusal(404, "not_found"))
        for more in ("content", "diff", "versions", "checks"):
            services.on(f"{service} GET /internal/files/[^/]*/{more}", refusal(404, "not_found"))
    assert (await person.get(f"{FILE}{path}")).status_code == 404
