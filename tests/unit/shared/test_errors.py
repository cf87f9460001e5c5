"""The tree of errors: its codes are part of the public interface."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from shared.errors import DomainError

ROOT = Path(__file__).resolve().parents[3]


def _tree(error: type[DomainError]) -> Iterator[type[DomainError]]:
    yield error
    for below in error.__subclasses__():
        yield from _tree(below)


def _all_errors() -> list[type[DomainError]]:
    for place in ("shared", "services"):
        for path in sorted((ROOT / place).rglob("*.py")):
            text = path.read_text("utf-8")
            if '    code = "' in text:
                import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    ours = ("shared.", "services.")
    return [error for error in _tree(DomainError) if error.__module__.startswith(ours)]


def test_every_code_has_one_meaning() -> None:
    errors = [
        error for error in _all_errors() if not error.__module__.startswith("services.gateway")
    ]
    codes = [error.code for error in errors if "code" in vars(error)]
    assert len(codes) == len(set(codes)), sorted(c for c in codes if codes.count(c) > 1)


@pytest.mark.parametrize("error", _all_errors(), ids=lambda error: error.__name__)
def test_every_error_speaks_to_a_person(error: type[DomainError]) -> None:
    assert error.sentence().endswith((".", "?")), error
    assert 400 <= error.status < 600
    assert error.code == error.code.lower()
    if error.retry_after is not None:
        assert error.status in {409, 429, 503}
    if error.status == 503:
        assert error.retry_after is not None


def test_a_sentence_takes_values_and_keeps_them_for_translation() -> None:
    class _TooMany(DomainError):
        """There are at most {limit} of them."""

    error = _TooMany(limit=1024)
    assert str(error) == "There are at most 1024 of them."
    assert error.params == {"limit": 1024}
