"""Log lines of ours and of libraries come out in one shape, with the request they belong to."""

import json
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
import structlog

from shared.context import correlation_id
from shared.logging import configure, log


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """The process has one way to log; give it back to the other tests."""
    root = logging.getLogger()
    handlers, level, structured = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**structured)


def _say_two_lines() -> None:
    log.info("file_checked", findings=3)
    logging.getLogger("a.library").warning("retry %d of %d", 1, 3)


def test_every_line_is_json_with_its_request(capsys: pytest.CaptureFixture[str]) -> None:
    configure("checker", "INFO", "json")
    request_id = uuid4()
    correlation_id.set(request_id)
    _say_two_lines()
    ours, theirs = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (ours["event"], ours["findings"], ours["level"]) == ("file_checked", 3, "info")
    assert (theirs["event"], theirs["level"]) == ("retry 1 of 3", "warning")
    assert theirs["logger"] == "a.library"
    for line in (ours, theirs):
        assert line["service"] == "checker"
        assert line["correlation_id"] == str(request_id)
        assert line["timestamp"].endswith("Z")


def test_every_line_can_be_read_on_a_console(capsys: pytest.CaptureFixture[str]) -> None:
    configure("checker", "INFO", "console")
    request_id = uuid4()
    correlation_id.set(request_id)
    _say_two_lines()
    ours, theirs = capsys.readouterr().out.splitlines()
    assert "file_checked" in ours
    assert "findings=3" in ours
    assert "retry 1 of 3" in theirs
    for line in (ours, theirs):
        assert "service=checker" in line
        assert f"correlation_id={request_id}" in line
        assert not line.startswith("{")


def test_a_line_outside_any_request_names_none(capsys: pytest.CaptureFixture[str]) -> None:
    configure("checker", "INFO", "json")
    _say_two_lines()
    for line in capsys.readouterr().out.splitlines():
        assert "correlation_id" not in json.loads(line)


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_fault_is_told_with_its_place(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure("checker", "INFO", style)
    try:
        int("broken")
    except ValueError:
        log.exception("loop_failed")
        logging.getLogger("a.library").exception("failed, too")
    written = capsys.readouterr().out
    assert written.count("ValueError: invalid literal") == 2
    assert written.count("test_a_fault_is_told_with_its_place") == 2
    if style == "json":
        assert len([json.loads(line) for line in written.splitlines()]) == 2


@pytest.mark.parametrize("style", ["json", "console"])
def test_lines_below_the_level_stay_unwritten(
    style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("checker", "WARNING", style)
    _say_two_lines()
    [line] = capsys.readouterr().out.splitlines()
    assert "retry 1 of 3" in line
