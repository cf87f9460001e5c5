"""Sources made to break or flood ruff fail alone; other files of the run are not affected."""

import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.checker.linting.ruff import Ruff, RuffFailure, RuffResult
from services.checker.rules import STANDARD
from services.checker.sandbox.limited_process import ProcessLimits

PATIENT = Ruff(limits=ProcessLimits(seconds=90)).isolated("auto")
STDLIB = Path(sysconfig.get_path("stdlib"))
INNOCENT = {name: (STDLIB / name).read_bytes() for name in ("ast.py", "cmd.py", "zipapp.py")}

# Source, then the totals to be found in it; None = ruff may also break, and says so.
HOSTILE: dict[str, tuple[str, dict[str, int] | None]] = {
    "a sum of 10,000 terms": ("x = " + "+".join(["1"] * 10_000), None),
    "10,000 minus signs": ("x = " + "-" * 10_000 + "1", None),
    "10,000 times not": ("x = " + "not " * 10_000 + "1", None),
    "20,000 brackets": ("x = " + "[" * 20_000 + "]" * 20_000, None),
    "20,000 parentheses": ("x = " + "(" * 20_000 + "1" + ")" * 20_000, None),
    "50,000 nested calls": ("x = " + "f(" * 50_000 + ")" * 50_000, None),
    "50,000 chained calls": ("x = f" + "()" * 50_000, None),
    "100,000 attributes": ("x = f" + ".a" * 100_000, None),
    "100,000 subscripts": ("x = f" + "[0]" * 100_000, None),
    "10,000 lambdas": ("x = " + "lambda: " * 10_000 + "1", None),
    "10,000 conditions": ("x = " + "1 if a else " * 10_000 + "1", None),
    "1,000 comprehensions": ("x = " + "[" * 1000 + "1" + " for a in b]" * 1000, None),
    "a comprehension of 20,000 loops": ("x = [1" + " for a in b" * 20_000 + "]", None),
    "1,000 levels of indentation": (
        "".join(" " * level + "if x:\n" for level in range(1000)) + " " * 1000 + "pass",
        None,
    ),
    "500,000 semicolons": (";" * 500_000, {"invalid-syntax": 1}),
    "100,000 statements on a line": ("a=1;" * 100_000, {"E702": 99_999, "E703": 1}),
    "300 KB of decorators": ("@a\n" * 100_000 + "def f(): pass", {"F821": 100_000}),
    "80,000 equal imports": ("import os\n" * 80_000, None),
    "70,000 unknown names": ("\n".join(f"a{n}" for n in range(70_000)), None),
    "30,000 implicit joins": ("x = (" + '"a"+' * 30_000 + '"b")', None),
    "a file-wide noqa": ("# ruff: noqa\nimport os", {}),
    "50,000 noqa codes": ("import os  # noqa: " + ", ".join(["F401"] * 50_000), {}),
    "50,000 foreign noqa codes": (
        "import os  # noqa: " + ", ".join(f"Z{n}" for n in range(50_000)),
        {"F401": 1},
    ),
    "one line of 1 MB": ('x = "' + "a" * 1_000_000 + '"', {"E501": 1}),
    "a name of 1 MB": ("a" * 1_000_000, None),
    "330,000 unknown names on a line": ("x = [" + "a, " * 330_000 + "]", None),
    "Python 2": ('print "hi"\nexec "x"', {"invalid-syntax": 1}),
    "ruff.toml": ("[lint]\nselect = []\nexclude = ['*']", None),
    "PEP 723": ("# /// script\n# [tool.ruff]\n# lint.select = []\n# ///\nimport os", {"F401": 1}),
    "nothing": ("", {}),
}
# Each of these takes ruff seconds, and a batch with files that break it is run several times.
SLOW = {
    "10,000 times not",
    "50,000 nested calls",
    "50,000 chained calls",
    "500,000 semicolons",
    "80,000 equal imports",
    "330,000 unknown names on a line",
}


def source(kind: str) -> bytes:
    text = HOSTILE[kind][0]
    return text.encode() + b"\n" if text else b""


def check_answer(kind: str, answer: RuffResult | RuffFailure) -> None:
    totals = HOSTILE[kind][1]
    if isinstance(answer, RuffFailure):
        assert totals is None, kind
        return
    assert len(answer.diagnostics) <= 500
    assert answer.truncated == (sum(answer.totals.values()) > len(answer.diagnostics))
    assert all(len(one.message) <= 500 and len(one.line) <= 1000 for one in answer.diagnostics)
    if totals is not None:
        relevant = {code: number for code, number in answer.totals.items() if code in totals}
        assert relevant == totals, kind
        assert totals or not answer.totals, kind


@pytest.fixture
def work_dir() -> Iterator[Path]:
    """A folder that the user of an isolated ruff may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
async def neighbours() -> dict[str, RuffResult | RuffFailure]:
    return await PATIENT.check(INNOCENT, STANDARD)


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_file_gets_an_answer_and_harms_nobody(
    kind: str, neighbours: dict[str, RuffResult | RuffFailure], work_dir: Path
) -> None:
    ruff = replace(PATIENT, work_dir=work_dir)
    answers = await ruff.check({**INNOCENT, kind: source(kind)}, STANDARD)

    check_answer(kind, answers.pop(kind))
    assert answers == neighbours
    assert list(work_dir.iterdir()) == []


async def test_many_hostile_files_in_one_batch(
    neighbours: dict[str, RuffResult | RuffFailure],
) -> None:
    together = HOSTILE.keys() - SLOW
    answers = await PATIENT.check({**{k: source(k) for k in together}, **INNOCENT}, STANDARD)

    for kind in together:
        check_answer(kind, answers[kind])
    assert {name: answers[name] for name in INNOCENT} == neighbours


async def test_suppressed_findings_of_a_hostile_file_are_counted() -> None:
    flood = b"# ruff: noqa\n" + b"@a\n" * 50_000 + b"def f(): pass\n"
    answers = await PATIENT.check({"flood": flood, **INNOCENT}, STANDARD)

    flooded = answers["flood"]
    assert isinstance(flooded, RuffResult)
    assert flooded.totals == {}
    assert flooded.suppressed >= 50_000
