from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from services.checker.domain.history import History
from services.checker.linting.diagnostics import Diagnostic
from services.checker.linting.ruff import RuffResult
from services.checker.results.findings import Assessment, assess, fingerprints
from services.checker.rules import STANDARD, Profile
from shared.contracts.checker import FileChecked

FILE = UUID(int=1)


def found(code: str, line: str, row: int = 1) -> Diagnostic:
    return Diagnostic(code, "a-rule", "A message", row, 1, row, 2, None, None, line)


def answer(*diagnostics: Diagnostic, **more: int) -> RuffResult:
    """Ruff's answer; `more` are findings beyond the list, by code."""
    totals = dict(more)
    for one in diagnostics:
        totals[one.code] = totals.get(one.code, 0) + 1
    return RuffResult(diagnostics, totals)


def broken(line: str = "def f(:") -> RuffResult:
    return RuffResult((found("invalid-syntax", line),), {"invalid-syntax": 1}, syntax_error=True)


def event(judged: Assessment) -> FileChecked:
    return FileChecked(
        check_id=uuid4(), file_id=FILE, user_id=FILE, file_name="a.py", version=1, sha256="0" * 64,
        engine="ruff", profile="standard", started_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration_ms=1, **vars(judged),
    )  # fmt: skip


def check_all(*results: RuffResult, profile: Profile = STANDARD) -> Assessment:
    """The report of the last of several checks of one file."""
    history = History()
    for result in results:
        judged = assess(result, profile, history)
        history = history.after(event(judged))
    return judged


def changes(judged: Assessment) -> list[str]:
    return [one.change for one in judged.findings]


A, B = found("F401", "import os"), found("F841", "x = 1", 2)


def test_a_first_check_finds_everything_new() -> None:
    judged = check_all(answer(A, B))

    assert changes(judged) == ["new", "new"]
    assert (judged.counts.new, judged.counts.still, judged.counts.total) == (2, 0, 2)
    assert judged.fixed == []


def test_a_finding_is_still_there_or_fixed() -> None:
    judged = check_all(answer(A, B), answer(A))

    assert changes(judged) == ["still"]
    assert [one.code for one in judged.fixed] == ["F841"]
    assert (judged.counts.still, judged.counts.fixed) == (1, 1)


def test_a_finding_that_comes_back_is_reopened() -> None:
    judged = check_all(answer(A, B), answer(A), answer(A, B))

    assert changes(judged) == ["still", "reopened"]
    assert judged.counts.reopened == 1


def test_a_fixed_finding_is_fixed_once() -> None:
    assert check_all(answer(A), answer(), answer()).fixed == []


def test_moving_and_indenting_code_changes_nothing() -> None:
    moved = A._replace(row=40, end_row=40, line="    import   os\t")

    assert changes(check_all(answer(A), answer(moved))) == ["still"]


def test_equal_lines_have_fingerprints_by_their_order() -> None:
    three = [found("E711", "if x == None:", row) for row in (1, 5, 9)]

    assert len(set(fingerprints(three))) == 3
    judged = check_all(answer(*three), answer(*three[:2]))
    assert changes(judged) == ["still", "still"]
    assert judged.counts.fixed == 1


def test_one_line_can_break_two_rules() -> None:
    assert len(set(fingerprints([found("E711", "x"), found("E712", "x")]))) == 2


def test_a_syntax_error_hides_findings_and_fixes_none() -> None:
    hidden = check_all(answer(A, B), broken())

    assert hidden.outcome == "syntax_error"
    assert hidden.fixed == []
    assert changes(hidden) == ["new"]

    repaired = check_all(answer(A, B), broken(), answer(A))
    assert changes(repaired) == ["still"]
    assert {one.code for one in repaired.fixed} == {"invalid-syntax", "F841"}


def test_a_finding_beyond_a_truncated_list_is_not_fixed() -> None:
    cut = answer(A, F841=600)

    judged = check_all(answer(A, B), cut)
    assert judged.truncated
    assert judged.fixed == []
    assert judged.counts.total == 601
    assert judged.counts.new + judged.counts.still + judged.counts.reopened == 1
    assert [one.code for one in check_all(answer(A, B), cut, answer(A)).fixed] == ["F841"]


def test_switching_a_rule_off_fixes_nothing() -> None:
    history = History().after(event(check_all(answer(A))))
    without = replace(STANDARD, ignore=(*STANDARD.ignore, "F401"))

    assert assess(answer(), without, history).fixed == []
    assert [one.code for one in assess(answer(), STANDARD, history).fixed] == ["F401"]


@pytest.mark.parametrize(
    ("result", "allowed", "outcome", "verdict"),
    [
        (answer(), 0, "clean", "ready"),
        (answer(found("E501", "x")), 0, "findings", "ready"),
        (answer(found("F401", "x")), 0, "findings", "not_ready"),
        (answer(found("F401", "x")), 1, "findings", "ready"),
        (answer(F401=2), 1, "findings", "not_ready"),
        (answer(found("F821", "x")), 100, "findings", "not_ready"),
        (answer(F821=1), 100, "findings", "not_ready"),
        (broken(), 100, "syntax_error", "not_ready"),
    ],
)
def test_verdict(result: RuffResult, allowed: int, outcome: str, verdict: str) -> None:
    judged = check_all(result, profile=replace(STANDARD, warnings_allowed=allowed))

    assert (judged.outcome, judged.verdict) == (outcome, verdict)


def test_counts_are_of_all_findings_by_tier() -> None:
    result = replace(answer(A, F401=9, F821=3, E501=7), suppressed=4)
    counts = check_all(result).counts

    assert (counts.blocker, counts.warning, counts.note, counts.total) == (3, 10, 7, 20)
    assert counts.suppressed == 4


def test_the_findings_remembered_for_a_file_are_bounded() -> None:
    history = History()
    for number in range(5):
        lines = [found("E501", f"line {number} {row}", row) for row in range(1, 501)]
        history = history.after(event(assess(answer(*lines, E501=1), STANDARD, history)))

    assert len(history.open) <= 1000
