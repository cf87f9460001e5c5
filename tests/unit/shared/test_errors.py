"""The tree of errors: its codes are part of the public interface."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from shared.errors import DomainError, NotFound, RemoteError, Unavailable, remote_error

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
    found = dict.fromkeys(_tree(DomainError))
    return [
        error
        for error in found
        if error.__module__.startswith(ours) and not issubclass(error, RemoteError)
    ]


ALL_ERRORS = _all_errors()


def test_every_code_has_one_meaning() -> None:
    errors = [error for error in ALL_ERRORS if not error.__module__.startswith("services.gateway")]
    codes = [error.code for error in errors if "code" in vars(error)]
    assert len(codes) == len(set(codes)), sorted(c for c in codes if codes.count(c) > 1)


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: error.__name__)
def test_every_error_says_whether_trying_again_helps(error: type[DomainError]) -> None:
    assert 400 <= error.status < 600
    assert error.code == error.code.lower()
    if error.retry_after is not None:
        assert error.status in {409, 429, 503}
    if error.status == 503:
        assert error.retry_after is not None


def test_a_sentence_takes_values_and_keeps_them_for_translation() -> None:
    class _FilesFull(DomainError):
        code = "too_many_files"

    error = _FilesFull(limit=1024)
    assert str(error) == "You can have at most 1024 files. Delete one first."
    assert error.params == {"limit": 1024}


def test_a_refusal_of_another_service_keeps_its_status_code_and_values() -> None:
    error = remote_error(422, "password_too_short", {"minimum": 8}, 60)
    assert (error.status, error.code, error.params) == (422, "password_too_short", {"minimum": 8})
    assert error.retry_after == 60
    assert str(error) == "A password needs at least 8 characters."


@pytest.mark.parametrize("params", [{}, {"minimum": ["8"]}, {"other": 1}])
def test_missing_values_break_nothing(params: dict[str, object]) -> None:
    assert remote_error(422, "password_too_short", params).code == "password_too_short"


def test_a_refusal_of_another_service_is_caught_by_its_kind() -> None:
    assert isinstance(remote_error(404, "file_is_deleted", {}), NotFound)
    assert isinstance(remote_error(503, "database_unavailable", {}), Unavailable)
    unheard_of = remote_error(418, "teapot", {})
    assert isinstance(unheard_of, RemoteError)
    assert unheard_of.retry_after is None
