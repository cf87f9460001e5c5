"""Pages show invisible characters of users' text, and isolate its direction."""

import httpx2
import pytest

from services.gateway.i18n.visible_text import (
    breakable,
    code_spans,
    max_characters,
    unseen,
    visible,
)
from tests.unit.gateway.fake_services import (
    Services,
    answer,
    content,
    diff,
    file,
    finding,
    line,
    refusal,
    report,
    stored,
)

FILE = f"/files/{file()['id']}"
CHECK = "/checks/00000000-0000-0000-0000-000000000001"


def test_unseen_characters_are_chips() -> None:
    shown = visible("a\u2067<b>\x1b")
    assert shown == (
        'a<span class="unseen" title="RIGHT-TO-LEFT ISOLATE">U+2067</span>&lt;b&gt;'
        '<span class="unseen" title="ESCAPE">U+001B</span>'
    )


def test_letters_from_right_to_left_are_isolated() -> None:
    assert visible("x = 'שלום' + y") == "x = &#39;<bdi>שלום</bdi>&#39; + y"


def test_many_marks_leave_their_names_out() -> None:
    assert visible("\u200b" * 500).count("title") == 0
    assert len(visible("\u200b" * 500)) < 20_000


def test_a_line_of_marks_leaves_room_for_fewer() -> None:
    assert max_characters("x" * 500, 240) == max_characters("x\u00a0" + "y" * 500, 240) == 240
    assert max_characters("\u00ad" * 500, 240) == 40


def test_names_and_sentences_of_linters_show_them_too() -> None:
    assert "U+200B" in breakable("a_\u200bb.py")
    assert breakable("a_b.py") == "a_<wbr>b.py"
    assert code_spans("Use `a\u00adb`, not `c`") == (
        'Use <code>a<span class="unseen" title="SOFT HYPHEN">U+00AD</span>b</code>, '
        "not <code>c</code>"
    )
    assert code_spans("two\nlines") == "two\nlines"


def test_the_editor_tells_a_few_kinds() -> None:
    shown, more = unseen("".join(map(chr, range(0x2060, 0x206A))) + "\n\t")
    assert (len(shown), more) == (6, 4)
    assert shown[0] == '<span class="unseen">U+2060</span> WORD JOINER'


def report_of(services: Services, text: str, **place: int | str) -> None:
    services.on("reports GET /internal/checks/.*", answer(200, report(findings=[finding(**place)])))
    services.on("files GET .*/content", content(text.encode()))


async def test_a_report_shows_them(person: httpx2.AsyncClient, services: Services) -> None:
    place: dict[str, int | str] = {
        "column": 6,
        "end_column": 7,
        "message": "Bad `\u2066`",
        "fix": "Drop \u3164",
    }
    report_of(services, "x = 'a\u202eb' # \u2800\n", **place)
    page = (await person.get(CHECK)).text
    for number in ("U+202E", "U+2066", "U+3164", "U+2800"):
        assert f">{number}</span>" in page
    assert not {"\u202e", "\u2066", "\u3164", "\u2800"} & set(page)


async def test_a_difference_shows_them(person: httpx2.AsyncClient, services: Services) -> None:
    changed = [
        line("same", "\x0cpass", 1, 1),
        line("removed", "name = 'a\u200bb'", 2),
        line("added", "name = 'a\u200cb'", None, 2),
    ]
    services.on("files GET /internal/files/[^/]*/diff", answer(200, diff(*changed)))
    for view in ("unified", "split"):
        page = (await person.get(f"{FILE}/diff?from=1&to=2&view={view}")).text
        assert ">U+000C</span>pass" in page
        assert '<mark><span class="unseen" title="ZERO WIDTH SPACE">U+200B</span></mark>' in page
        assert "U+200C</span></mark>" in page
        assert not {"\x0c", "\u200b", "\u200c"} & set(page)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "This text has characters that can't be seen in the field:"),
        ("ru", "В тексте есть символы, которых в этом поле не видно:"),  # noqa: RUF001
    ],
)
async def test_the_editor_keeps_them_and_tells(
    person: httpx2.AsyncClient, services: Services, language: str, told: str
) -> None:
    services.on("files GET .*/content", content("x = '\u202e'\n".encode()))
    page = (await person.get(f"{FILE}/edit", headers={"Accept-Language": language})).text
    assert "x = &#39;\u202e&#39;\n</textarea>" in page
    assert told in page.replace("&#39;", "'")
    assert '<span class="unseen">U+202E</span> RIGHT-TO-LEFT OVERRIDE' in page
    assert 'aria-describedby="unseen editor-help"' in page


async def test_the_editor_is_silent_where_all_is_seen(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files GET .*/content", content("x = 'привет'\t# ok\r\n".encode()))
    assert 'class="unseen"' not in (await person.get(f"{FILE}/edit")).text


async def test_a_conflict_shows_them(person: httpx2.AsyncClient, services: Services) -> None:
    services.on("files PUT .*", refusal(412, "version_conflict", current=5, yours=3))
    services.on("files GET /internal/files/[^/]*", answer(200, stored(version=5)))
    services.on("files POST .*/diff", answer(200, diff(line("added", "y\u2029", None, 1), to=None)))
    sent = {"version": "3", "name": "main.py", "text": "y\u2029", "ends": "lf"}
    files = {name: (None, value.encode()) for name, value in sent.items()}
    page = (await person.post(f"{FILE}/edit", files=files)).text
    assert 'y<span class="unseen" title="PARAGRAPH SEPARATOR">U+2029</span>' in page
    assert "y\u2029</textarea>" in page
