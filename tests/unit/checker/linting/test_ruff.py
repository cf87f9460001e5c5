import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import pytest

from services.checker.linting.ruff import Ruff, RuffFailure, RuffResult
from services.checker.rules import STANDARD
from services.checker.sandbox.isolation import Isolation
from services.checker.sandbox.limited_process import ProcessLimits

INNOCENT = b"import os\n\nx = undefined\n"
GUILTY = b"# guilty\nimport os\n"
pytestmark = pytest.mark.programs
# What uses the processor ends after a second of it; on a busy machine the others have time enough.
SHORT = ProcessLimits(seconds=0.9, wall_factor=30, output=2 << 20)


@pytest.fixture
def work_dir() -> Iterator[Path]:
    """A folder that the user of an isolated ruff may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def ruff(work_dir: Path) -> Ruff:
    return Ruff(work_dir=work_dir)


async def check(ruff: Ruff, content: bytes) -> RuffResult:
    result = (await ruff.check({"a": content}, STANDARD))["a"]
    assert isinstance(result, RuffResult)
    return result


def codes(result: RuffResult | RuffFailure) -> list[str]:
    assert isinstance(result, RuffResult)
    return [one.code for one in result.diagnostics]


def places(result: RuffResult) -> list[tuple[str, int, int]]:
    return [(one.code, one.row, one.column) for one in result.diagnostics]


def test_the_engine_is_what_the_program_says(ruff: Ruff) -> None:
    assert ruff.engine == "ruff 0.17.6"


async def test_findings_are_those_of_the_command_line(ruff: Ruff, tmp_path: Path) -> None:
    stdlib = Path(sysconfig.get_path("stdlib"))
    files = sorted(stdlib.glob("*.py"))[:40] + sorted(stdlib.glob("asyncio/*.py"))
    results = await ruff.check({path: path.read_bytes() for path in files}, STANDARD)

    for path in files:
        result = results[path]
        assert isinstance(result, RuffResult), path
        copy = tmp_path / "module.py"  # a file called abc.py is judged as the standard library's
        expected = from_the_command_line(ruff.binary, copyfile(path, copy))
        listed = Counter((o.code, o.row, o.column, o.message) for o in result.diagnostics)
        assert sum(result.totals.values()) == expected.total(), path
        assert (listed < expected) if result.truncated else (listed == expected), path


def from_the_command_line(binary: Path, path: Path) -> Counter[tuple[str, int, int, str]]:
    select = ",".join(STANDARD.select)
    ignore = ",".join([*STANDARD.ignore, "N999"])
    command: list[str | Path] = [
        binary, "check", "--isolated", "--no-cache", "--output-format=json", f"--select={select}",
        f"--ignore={ignore}", "--target-version=py311", "--config=line-length=88", path,
    ]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, check=False).stdout
    return Counter(
        (one["code"], one["location"]["row"], one["location"]["column"], one["message"])
        for one in json.loads(answer)
    )


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbfX = 1\n", b'"""A."""\n']
)
async def test_nothing_to_find(ruff: Ruff, content: bytes) -> None:
    result = await check(ruff, content)

    assert (result.diagnostics, dict(result.totals), result.syntax_error) == ((), {}, False)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("before", ["", "\x0c", "s = '\u2028 \x85 \x0b \x1c'"])
async def test_rows_are_those_of_an_editor(ruff: Ruff, end: bytes, before: str) -> None:
    content = end.join([b"y = 1", before.encode(), b"z = undefined", b""])

    result = await check(ruff, content)

    assert ("F821", 3, 5) in places(result)
    assert [one.line for one in result.diagnostics if one.code == "F821"] == ["z = undefined"]


async def test_rows_are_those_of_an_editor_where_line_ends_are_mixed(ruff: Ruff) -> None:
    lines = b"a = 1\r\nb = 2\rc = 3\nd = undefined\r\x0ce = 1\r\n# \xe2\x80\xa8\rf = undefined\n"

    result = await check(ruff, lines)

    assert [place for place in places(result) if place[0] == "F821"] == [
        ("F821", 4, 5),
        ("F821", 7, 5),
    ]


async def test_columns_count_characters(ruff: Ruff) -> None:
    content = "\ufeffs = 'ж\u2028😀'; t = undefined\n".encode()

    assert ("F821", 1, 16) in places(await check(ruff, content))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1251", "koi8-r", "utf-8", "shift_jis"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_declared_encodings_are_read(ruff: Ruff, encoding: str, end: str) -> None:
    text = {"latin-1": "é", "cp1251": "ж", "koi8-r": "ж"}.get(encoding, "ж")
    source = f"# -*- coding: {encoding} -*-{end}s = '{text}'; t = undefined{end}"

    result = await check(ruff, source.encode(encoding))

    assert ("F821", 2, 14) in places(result)
    assert [one.line for one in result.diagnostics if one.code == "F821"] == [
        f"s = '{text}'; t = undefined"
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"x = '\xff'\n",
        b"# coding: rot13\n",
        b"# coding: idna\nx = 1\n",
        b"# coding: utf-7\n",
        b"# coding: nonsense\n",
        b"# coding: unicode_escape\n",
        "x = 1\n".encode("utf-16"),
        b"# coding: utf-8\nx = '\xe9'\n",
    ],
)
async def test_bytes_that_are_no_text_are_unreadable(ruff: Ruff, content: bytes) -> None:
    results = await ruff.check({"bad": content, "good": INNOCENT}, STANDARD)

    assert results["bad"] == RuffFailure("unreadable")
    assert codes(results["good"]) == ["F401", "F821"]


@pytest.mark.parametrize(
    "source", ["print 'a'\nexec 'b'\n", "def f(:\n  x =\n", "(", "x = = 1\nimport os\n"]
)
async def test_a_syntax_error_is_the_only_finding(ruff: Ruff, source: str) -> None:
    result = await check(ruff, source.encode())

    assert result.syntax_error
    assert codes(result) == ["invalid-syntax"]
    assert dict(result.totals) == {"invalid-syntax": 1}
    assert result.diagnostics[0].row == 1


@pytest.mark.parametrize(
    ("content", "suppressed"),
    [
        (b"import os  # noqa\n", 1),
        (b"import os  # NOQA: F401\n", 1),
        (b"import os  # noqa: " + b", ".join([b"F401"] * 50_000) + b"\n", 1),
        (b"import os  # noqa: E501\n", 0),
        (b"# ruff: noqa\nimport os\nimport re\n", 2),
        (b"# flake8: noqa\nimport os\nimport re\n", 2),
        (b"import os  # ruff: ignore[F401]\n", 1),
        (b"# ruff: disable[F401]\nimport os\n# ruff: enable[F401]\n", 1),
        (b"'noqa'\n", 0),
        (b"import os  # noqa: F401\n(\n", 0),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_suppressed_findings_are_counted(ruff: Ruff, content: bytes, suppressed: int) -> None:
    results = await ruff.check({"a": content, "b": INNOCENT}, STANDARD)

    assert isinstance(results["a"], RuffResult)
    assert results["a"].suppressed == suppressed
    assert codes(results["b"]) == ["F401", "F821"]


async def test_blockers_are_listed_before_500_notes_and_all_are_counted(ruff: Ruff) -> None:
    content = b"if None == 1: pass\n" * 700 + b"undefined()\n" * 3
    result = await check(ruff, content)

    assert len(result.diagnostics) == 500
    assert result.truncated
    assert result.totals["F821"] == codes(result).count("F821") == 3
    assert result.totals["E701"] == 700
    assert [one.place for one in result.diagnostics] == sorted(o.place for o in result.diagnostics)


async def test_messages_are_short_and_printable(ruff: Ruff) -> None:
    result = await check(ruff, b'A = "%\\0" % 1\nB = "%\\n" % 1\nC = ' + b"n" * 5000 + b"\n")

    messages = [one.message for one in result.diagnostics]
    assert any("\ufffd" in message for message in messages)
    assert all(message.isprintable() and len(message) <= 500 for message in messages)


@pytest.mark.parametrize(
    "block",
    [
        "# /// script\n# [tool.ruff.lint]\n# select = []\n# ignore = ['ALL']\n# ///\n",
        "# ruff.toml\n# [lint]\n# select = []\n",
        "# isort: skip_file\n",
    ],
)
async def test_configuration_inside_a_file_has_no_effect(ruff: Ruff, block: str) -> None:
    assert codes(await check(ruff, block.encode() + INNOCENT)) == ["F401", "F821"]


async def test_configuration_around_the_folder_has_no_effect(
    ruff: Ruff, work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work_dir / "ruff.toml").write_text("exclude = ['*']\n[lint]\nselect = []\n")
    (work_dir / ".gitignore").write_text("*\n")
    monkeypatch.setenv("RUFF_OUTPUT_FORMAT", "concise")

    assert codes(await check(ruff, INNOCENT)) == ["F401", "F821"]


async def test_neighbours_do_not_change_how_imports_are_sorted(ruff: Ruff) -> None:
    content = b"import os\n\nimport zlib\n\nprint(os, zlib)\n"
    alone = await check(ruff, content)
    together = await ruff.check(dict.fromkeys(range(20), content), STANDARD)

    assert all(result == alone for result in together.values())


async def test_no_files_need_no_run(work_dir: Path) -> None:
    assert await Ruff(work_dir=work_dir).check({}, STANDARD) == {}


async def test_the_folder_is_private_and_gone_afterwards(work_dir: Path, tmp_path: Path) -> None:
    seen = fake(tmp_path, Ruff().binary, 'ls -ld . >&2; ls -l >&2; sleep 0.5; exec {real} "$@"')
    task = asyncio.create_task(Ruff(seen, work_dir).check({"-rf.py": INNOCENT}, STANDARD))
    while not (folders := list(work_dir.glob("*/0001.py"))):
        await asyncio.sleep(0.01)

    assert stat.S_IMODE(folders[0].parent.stat().st_mode) == 0o700
    assert codes((await task)["-rf.py"]) == ["F401", "F821"]
    assert list(work_dir.iterdir()) == []


async def test_without_the_work_folder_the_temp_folder_serves(tmp_path: Path) -> None:
    assert codes(await check(Ruff(work_dir=tmp_path / "missing"), INNOCENT)) == ["F401", "F821"]


async def test_folders_of_killed_processes_are_removed(work_dir: Path) -> None:
    left = work_dir / "prereview-check-dead"
    left.mkdir()
    (left / "0001.py").write_bytes(INNOCENT)
    fresh = work_dir / "prereview-check-fresh"
    fresh.mkdir()
    subprocess.run(["touch", "-t", "202001010000", left], check=True)

    await check(Ruff(work_dir=work_dir), INNOCENT)

    assert list(work_dir.iterdir()) == [fresh]


async def test_the_loop_runs_on_while_much_output_is_read(ruff: Ruff) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    counting = asyncio.create_task(count())
    result = await check(ruff, b"@a\n" * 50_000 + b"def f(): pass\n")
    counting.cancel()

    assert result.totals["F821"] == 50_000
    assert turns > 10


@pytest.fixture(scope="module")
def real() -> Iterator[Path]:
    """A ruff that any user may start by its path, wherever the packages are installed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(shutil.copy(Ruff().binary, folder))


def fake(folder: Path, real: Path, guilty: str) -> Path:
    """A ruff that misbehaves when it is given a guilty file; else it is the real one."""
    binary = folder / "fake-ruff"
    binary.write_text(
        f'#!/bin/sh\nreal={real}\nif grep -qs guilty 0*.py || [ "$ALWAYS" ]; then\n'
        f'{guilty.replace("{real}", str(real))}\nfi\nexec {real} "$@"\n'
    )
    binary.chmod(0o755)
    return binary


def isolated_with(*needed: str | Path) -> Isolation:
    """What this system allows, for a stand-in that needs more than ruff does."""
    found = Ruff().isolated("auto").isolation
    return replace(found, libraries=(*found.libraries, *map(str, needed)))


MISBEHAVIOUR = {
    "spins": ("while :; do :; done", "timeout"),
    "prints endlessly": ("yes '{\"a\": 1'", "unreadable"),
    "prints one endless line": ("exec tr '\\0' a </dev/zero", "output_limit"),
    "logs endlessly": ("yes >&2", "output_limit"),
    "aborts": ("kill -ABRT $$", "crashed"),
    "is killed": ("kill -KILL $$", "crashed"),
    "panics": ("exit 101", "crashed"),
    "exits with 2": ("exit 2", "crashed"),
    "says nothing": ("exit 0", "unreadable"),
    "says nothing but that there is something": ("exit 1", "unreadable"),
    "prints garbage": ("echo garbage; exit 1", "unreadable"),
    "prints bytes": ("head -c 100000 /dev/urandom; exit 1", "unreadable"),
    "prints JSON that is no finding": ("echo '{\"code\": \"F401\"}'; exit 1", "unreadable"),
    "prints a number": ("echo 1; exit 1", "unreadable"),
    "prints deep JSON": ("head -c 100000 /dev/zero | tr '\\0' '['; echo; exit 1", "unreadable"),
    "talks of another file": (
        'echo \'{"code":"F401","filename":"/etc/passwd"}\'; exit 1',
        "unreadable",
    ),
    "cuts its output": ('$real "$@" | head -n 1; exit 1', "unreadable"),
    "cuts a line": ('$real "$@" | head -c 700; exit 1', "unreadable"),
}  # fmt: skip
SLEEPING = {
    "sleeps": "sleep 1000",
    "ignores SIGTERM": "trap '' TERM INT HUP; while :; do sleep 1; done",
    "leaves a child behind": "sleep 1000 & exec sleep 1000",
    "closes its output and stays": "exec >&- 2>&-; sleep 1000",
}


@pytest.mark.parametrize("kind", MISBEHAVIOUR)
async def test_a_file_that_breaks_ruff_fails_alone(
    kind: str, tmp_path: Path, work_dir: Path, real: Path
) -> None:
    script, reason = MISBEHAVIOUR[kind]
    await fails_alone(script, reason, SHORT, (tmp_path, work_dir, real))


async def test_a_file_with_which_ruff_sleeps_fails_alone(
    tmp_path: Path, work_dir: Path, real: Path
) -> None:
    """All kinds at once, as it is the clock that ends them."""
    limits = ProcessLimits(seconds=1, wall_factor=6)
    async with asyncio.TaskGroup() as group:
        for kind, script in SLEEPING.items():
            folders = (tmp_path / kind, work_dir / kind)
            for folder in folders:
                folder.mkdir()
            group.create_task(fails_alone(script, "timeout", limits, (*folders, real)))


async def fails_alone(
    script: str, reason: str, limits: ProcessLimits, paths: tuple[Path, Path, Path]
) -> None:
    """`paths`: where the ruff that misbehaves is put, where it works, and the real one."""
    folder, work_dir, real = paths
    binary = fake(folder, real, script)
    contents = {"a": INNOCENT, "b": INNOCENT, "bad": GUILTY, "c": INNOCENT}
    expected = await Ruff(work_dir=work_dir).check(contents, STANDARD)

    isolation = isolated_with("/bin", "/usr/bin", "/dev/zero", "/dev/urandom", real)
    results = await Ruff(binary, work_dir, limits, isolation).check(contents, STANDARD)

    assert results.pop("bad") == RuffFailure(reason)  # type: ignore[arg-type]
    assert results == {key: expected[key] for key in "abc"}
    assert list(work_dir.iterdir()) == []
    assert not working_in(work_dir)


async def test_a_file_that_used_up_its_time_among_others_is_not_run_again_alone(
    tmp_path: Path, work_dir: Path
) -> None:
    """Ruff takes the square of a comment's length in `#` for it."""
    binary, runs = tmp_path / "counted-ruff", tmp_path / "runs"
    binary.write_text(f'#!/bin/sh\nmkdir -p {runs}/$$\nexec {Ruff().binary} "$@"\n')
    binary.chmod(0o755)
    contents = {"a": INNOCENT, "bad": b"#" * 800_000 + b"\n", "c": INNOCENT}

    results = await Ruff(binary, work_dir, SHORT, proven_share=0.5).check(contents, STANDARD)

    assert results["bad"] == RuffFailure("timeout")
    assert codes(results["a"]) == codes(results["c"]) == ["F401", "F821"]
    assert len(list(runs.iterdir())) == 3  # all, those before the bad one, those after it


async def test_limits_count_processor_time_not_elapsed_time(
    tmp_path: Path, work_dir: Path, real: Path
) -> None:
    limits = ProcessLimits(seconds=1, wall_factor=60)
    wall_factor = Ruff(fake(tmp_path, real, 'sleep 2; exec {real} "$@"'), work_dir, limits)
    assert codes((await wall_factor.check({"a": GUILTY}, STANDARD))["a"]) == ["F401"]
    spins = Ruff(fake(tmp_path, real, "while :; do :; done"), work_dir, limits)
    assert await spins.check({"a": GUILTY}, STANDARD) == {"a": RuffFailure("timeout")}


async def test_the_memory_limit_ends_ruff(tmp_path: Path, work_dir: Path) -> None:
    eat = "exec {python} -c 'x = []\nwhile True: x.append(bytes(1 << 20))'"
    binary = fake(tmp_path, Ruff().binary, eat.replace("{python}", sys.executable))
    limits = ProcessLimits(seconds=30, memory=512 << 20)

    results = await Ruff(binary, work_dir, limits).check(
        {"bad": GUILTY, "good": INNOCENT}, STANDARD
    )

    assert isinstance(results["bad"], RuffFailure)
    assert results["bad"].reason != "timeout"
    assert codes(results["good"]) == ["F401", "F821"]


async def test_a_cancelled_check_leaves_nothing_behind(tmp_path: Path, work_dir: Path) -> None:
    binary = fake(tmp_path, Ruff().binary, "trap '' TERM; while :; do sleep 1; done")
    task = asyncio.create_task(Ruff(binary, work_dir).check({"bad": GUILTY}, STANDARD))
    while not running(binary):
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert list(work_dir.iterdir()) == []
    assert not running(binary)


async def test_a_missing_program_is_no_files_fault(work_dir: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        await Ruff(Path("/nowhere/ruff"), work_dir).check({"a": INNOCENT}, STANDARD)
    assert list(work_dir.iterdir()) == []


def running(binary: Path) -> bool:
    return subprocess.run(["pgrep", "-f", binary], capture_output=True, check=False).returncode == 0


def working_in(folder: Path) -> list[str]:
    """Processes that started there, whatever they call themselves."""
    links = Path("/proc").glob("[0-9]*/cwd")
    return [str(link) for link in links if str(folder) in _target(link)]


def _target(link: Path) -> str:
    try:
        return os.path.realpath(link)
    except OSError:  # the process has just ended
        return ""
