from collections.abc import Sequence

import pytest

from benchmarks import __main__ as program
from benchmarks.figures import Figure, at_least, faster

MISSED = faster("slow", 1, 2, "/s", at_least(5))


def broken() -> list[Figure]:
    raise AssertionError("no figures today")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What came into the page."""
    found: list[Figure] = []

    def write(figures: Sequence[Figure], load: float) -> None:
        found.extend(figures)

    benchmarks = {"slow": lambda: [MISSED], "broken": broken, "older": None}
    monkeypatch.setattr(program, "write", write)
    monkeypatch.setattr(program, "ensure_rabbitmq", lambda *_: None)
    monkeypatch.setattr(program, "_benchmark", benchmarks.__getitem__)
    return found


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(program, "BENCHMARKS", names)


def test_it_ends_well_whatever_the_figures_are(
    written: list[Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "slow", "older")
    assert program.main([]) == 0
    assert written == [MISSED]


def test_what_breaks_is_told_and_leaves_the_page_as_it_was(
    written: list[Figure], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, "broken", "slow")
    assert program.main([]) == 1
    assert written == []
    told = capsys.readouterr().out
    assert "| slow |" in told
    assert "Could not be measured: broken" in told


def test_one_alone_leaves_the_page_as_it_was(
    written: list[Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "slow", "broken")
    assert program.main(["slow"]) == 0
    assert written == []


def test_what_was_found_is_told_as_it_comes(
    written: list[Figure], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, "slow")
    program.main([])
    assert MISSED.line() in capsys.readouterr().err


def test_a_name_that_nothing_has_is_an_error(
    written: list[Figure], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, "slow", "broken")
    assert program.main(["slwo"]) == 2
    assert "No slwo among slow, broken" in capsys.readouterr().err
