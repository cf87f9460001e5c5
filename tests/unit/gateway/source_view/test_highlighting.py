"""Highlighting: its styles, and limits on its cost per text, user and request."""

import asyncio
import random
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message

from services.gateway.source_view.highlighting import Cache, SourceHighlighter
from services.gateway.source_view.highlights import PLAIN, Highlights, highlighted_lines

SIZE = 1 << 20  # characters, the largest file accepted
ANN, BEN = UUID(int=1), UUID(int=2)
_SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")
pytestmark = pytest.mark.programs


def reader(left: asyncio.Event | None = None) -> Request:
    """A request whose body was read; its client disconnects when `left` is set."""

    async def receive() -> Message:
        await (left or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http"}, receive)


async def styles(text: str) -> dict[str, str]:
    """Style by piece of text."""
    found = await SourceHighlighter().highlights(reader(), ANN, text)
    return {text[begin:end]: style for begin, end, style in found.pieces(0, len(text))}


async def test_colours_name_what_they_show() -> None:
    found = await styles(
        "@app.get('/')\nclass C:\n    def f(self, n: int):  # note\n"
        "        return len('a') + 1.5 if n is not None else f'é{n!r:>{9}}b'\n"
    )
    assert found["@app.get"] == "decorator"
    assert found["class"] == found["def"] == found["return"] == "keyword"
    assert found["C"] == found["f"] == "name"
    assert found["# note"] == "comment"
    assert found["len"] == found["self"] == found["int"] == "builtin"
    assert found["'a'"] == found["'/'"] == found["f'é"] == found["b'"] == "string"
    assert found["is not"] == found["None"] == found["if"] == "keyword"
    assert found["1.5"] == "number"


@pytest.mark.parametrize("source", ["x.len", "def print_(): pass", "length = 1"])
async def test_names_that_only_look_like_builtins_are_plain(source: str) -> None:
    assert "builtin" not in (await styles(source)).values()


async def test_places_count_characters_of_any_width() -> None:
    found = await styles("s = '😀é\u2028\x0c\u200b' # ю\nimport os\n")
    assert found["# ю"] == "comment"
    assert found["import"] == "keyword"


async def test_a_mistake_takes_no_colour_from_what_stands_around() -> None:
    found = await styles("import a\nx = (1,\n\ndef f():\n    return 'b'\n")
    assert found["import"] == "keyword"
    assert found["'b'"] == "string"


@settings(deadline=None, max_examples=40)
@given(st.text(alphabet=st.sampled_from("af'\"{(#\n \t\\é😀\x0c\u2028\u202e\ud800"), max_size=40))
def test_every_character_is_in_one_piece(text: str) -> None:
    found = asyncio.run(SourceHighlighter().highlights(reader(), ANN, text))
    rows = text.split("\n")
    lines = highlighted_lines(text, found, set(range(1, len(rows) + 1)))
    for row, expected in enumerate(rows, 1):
        pieces = [piece for piece, _ in lines[row].pieces(0, len(expected))]
        assert "".join(pieces) == expected
        assert all(pieces)


def _noise(letters: str) -> str:
    return "".join(random.Random(8).choices(letters, k=SIZE))


HOSTILE: dict[str, Callable[[], str]] = {
    "tabs and open braces": lambda: "\t{\n" * (SIZE // 3),
    "case and tabs": lambda: "case" + "\t" * (SIZE - 5) + "_",
    "blank lines of form feeds": lambda: "\x0c \n" * (SIZE // 3),
    "white space in a call": lambda: "f(" + " " * (SIZE - 3) + ")",
    "continued blank lines": lambda: " \\\n" * (SIZE // 3),
    "a continued nothing": lambda: "\\\n" * (SIZE // 2),
    "brackets that do not match": lambda: "[}" * (SIZE // 2),
    "a bracket and a million more": lambda: "[" * SIZE,
    "nested replacement fields": lambda: "f'{f\"{" * (SIZE // 6),
    "unclosed raw docstring": lambda: 'r"""' + "\\ x\n" * (SIZE // 4),
    "unclosed strings": lambda: "x = b'a\n" * (SIZE // 8),
    "signs": lambda: "x = " + "~-" * (SIZE // 2),
    "decorators that stay open": lambda: "@f(\n" * (SIZE // 4),
    "one line of comment": lambda: "#" * SIZE,
    "indentation that grows": lambda: "".join(" " * n + "if 1:\n" for n in range(1400)),
    "comprehensions": lambda: "{x for x in " * (SIZE // 12),
    "noise of brackets": lambda: _noise("()[]{}'\"\\\n :"),
    "noise of letters": lambda: _noise("".join(map(chr, range(32, 1200)))),
    "calls": lambda: "g()" * (SIZE // 3),
    "chained attributes": lambda: "a" + ".b" * (SIZE // 2),
}


def _processor() -> float:
    """Seconds that this process and its children have used."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_text_costs_more_than_its_share(text: str) -> None:
    """A second by itself; ten are for machines much slower than ours."""
    source, before = HOSTILE[text](), _processor()
    gaps = asyncio.create_task(_longest_gap())
    found = await SourceHighlighter().highlights(reader(), ANN, source)
    assert _processor() - before < 10
    gaps.cancel()
    assert await gaps < 1  # seconds in which nobody else was served
    assert "".join(source[a:b] for a, b, _ in found.pieces(0, len(source))) == source


async def _longest_gap() -> float:
    seen = [time.monotonic()]
    try:
        while True:
            await asyncio.sleep(0.01)
            seen.append(time.monotonic())
    except asyncio.CancelledError:
        return max(after - before for before, after in pairwise([*seen, time.monotonic()]))


async def test_the_longest_of_ordinary_files_is_coloured() -> None:
    statement = (
        'def name(self, value: int = 1) -> str:\n    return f"{value}: {self.text}"  # why\n'
    )
    text = statement * (SIZE // len(statement))
    found = await SourceHighlighter(timeout=60).highlights(reader(), ANN, text)
    assert found is not PLAIN
    assert {style for _, _, style in found.pieces(len(text) // 2, len(text) // 2 + 100)} > {"name"}


class Stuck:
    """Starts processes that never answer, and keeps them."""

    def __init__(self) -> None:
        self.processes: list[asyncio.subprocess.Process] = []

    async def start(self, *_: str, **options: Any) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(*_SLEEPS, **{**options, "cwd": None})
        self.processes.append(process)
        return process

    def highlighter(self, **limits: Any) -> SourceHighlighter:
        return SourceHighlighter(start=self.start, **limits)

    @property
    def exit_codes(self) -> list[int | None]:
        return [process.returncode for process in self.processes]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_code_that_takes_long_is_plain_and_its_process_ended() -> None:
    stuck = Stuck()
    assert await stuck.highlighter(timeout=0.2).highlights(reader(), ANN, "x = 1") is PLAIN
    assert stuck.exit_codes == [-9]


async def test_it_ends_when_the_reader_leaves() -> None:
    stuck, left = Stuck(), asyncio.Event()
    asking = asyncio.create_task(stuck.highlighter().highlights(reader(left), ANN, "x = 1"))
    await _until(lambda: bool(stuck.processes))
    left.set()
    async with asyncio.timeout(2):
        assert await asking is PLAIN
    assert stuck.exit_codes == [-9]


@pytest.mark.parametrize("turns", range(8))
async def test_a_process_that_is_given_up_while_it_starts_leaves_nothing_open(turns: int) -> None:
    stuck = Stuck()

    def descriptors() -> int:
        return sum(1 for _ in Path("/dev/fd").iterdir())

    before = descriptors()
    for number in range(20):
        work = stuck.highlighter().highlights(reader(), ANN, f"x = {number}")
        asking = asyncio.create_task(work)
        for _ in range(turns):
            await asyncio.sleep(0)
        await _ended([asking])
    assert all(stuck.exit_codes)
    await _until(lambda: descriptors() <= before)


async def test_a_start_that_fails_once_nobody_wants_it_hides_no_cancellation() -> None:
    async def failing(*_: object, **__: object) -> asyncio.subprocess.Process:
        await asyncio.sleep(0.05)
        raise OSError("no process")

    work = SourceHighlighter(start=failing).highlights(reader(), ANN, "x = 1")
    asking = asyncio.create_task(work)
    await asyncio.sleep(0.01)
    await _ended([asking])
    assert asking.cancelled()


async def _ended(asking: list[asyncio.Task[Highlights]]) -> None:
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_a_full_queue_makes_nobody_wait() -> None:
    stuck = Stuck()
    pool = stuck.highlighter(max_running=2, max_waiting=3)
    asking = [asyncio.create_task(pool.highlights(reader(), uuid4(), str(n))) for n in range(5)]
    await _until(lambda: len(stuck.processes) == 2)
    async with asyncio.timeout(1):
        assert await pool.highlights(reader(), ANN, "x = 1") is PLAIN
    assert len(stuck.processes) == 2
    await _ended(asking)
    assert set(stuck.exit_codes) == {-9}


async def test_one_person_does_not_fill_it() -> None:
    stuck = Stuck()
    pool = stuck.highlighter(max_running=4, max_per_user=3)
    asking = [asyncio.create_task(pool.highlights(reader(), ANN, str(n))) for n in range(3)]
    await _until(lambda: len(stuck.processes) == 3)
    assert await pool.highlights(reader(), ANN, "one more") is PLAIN
    asking.append(asyncio.create_task(pool.highlights(reader(), BEN, "x = 1")))
    await _until(lambda: len(stuck.processes) == 4)
    await _ended(asking)


async def test_room_is_given_back() -> None:
    pool = SourceHighlighter(max_running=1, max_waiting=0, max_per_user=1)
    for n in range(3):
        assert await pool.highlights(reader(), ANN, f"import a{n}") is not PLAIN


async def _counted(work: Awaitable[Highlights]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    await work
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime


@pytest.mark.parametrize("text", ["import os\n", "\\\n" * 100_000])
async def test_the_same_text_is_looked_at_once(text: str) -> None:
    """A text that exceeds the limits is cached as well."""
    pool = SourceHighlighter(timeout=60)
    assert await _counted(pool.highlights(reader(), ANN, text)) > 0
    assert await _counted(pool.highlights(reader(), BEN, text)) == 0


def test_the_cache_forgets_what_was_unused_for_longest() -> None:
    cache = Cache(2 * (PLAIN.size + 500))
    for key in (b"a", b"b"):
        cache.put(key, PLAIN)
    assert cache.get(b"a")
    cache.put(b"c", PLAIN)
    assert [bool(cache.get(key)) for key in (b"a", b"b", b"c")] == [True, False, True]


@pytest.mark.parametrize("octets", [b"", b"\0\0\0\0", b"\1\0\0\0\0", b"\0\0\0\0\xff"])
def test_anything_else_is_no_colours(octets: bytes) -> None:
    with pytest.raises(ValueError, match="Not the output"):
        Highlights.read(octets)
