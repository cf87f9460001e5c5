"""What `make audit` tells, with stand-ins for its tools."""

import json
from pathlib import Path

import pytest

from deploy import audit

BAD = {"name": "bad", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
GOOD = {"name": "good", "version": "1", "vulns": []}
UNKNOWN = {"name": "odd", "skip_reason": "not on PyPI"}


def _tools(folder: Path, answer: object, bandit: int = 0) -> Path:
    away = "echo requests.exceptions.ConnectionError >&2; exit 1"
    printed = f"cat <<'EOF'\n{json.dumps(answer)}\nEOF" if answer else away
    for name, script in {"bandit": f"exit {bandit}", "pip-audit": printed}.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("packages", "bandit", "code", "told"),
    [
        ([GOOD, UNKNOWN], 0, 0, "0 known vulnerabilities in 1 packages."),
        ([GOOD, UNKNOWN], 0, 0, "PyPI does not know: odd."),
        ([GOOD, BAD], 0, 1, "bad 1: PYSEC-1, fixed in ['2']"),
        ([UNKNOWN], 0, 0, audit.UNREACHED),
        (None, 0, 0, audit.UNREACHED),
        (None, 1, 1, audit.UNREACHED),
    ],
)
def test_what_is_found_is_told_and_what_was_not_asked_too(
    packages: list[object] | None,
    bandit: int,
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = packages and {"dependencies": packages}
    monkeypatch.setattr(audit, "TOOLS", _tools(tmp_path, answer, bandit))
    assert audit.main() == code
    assert told in capsys.readouterr().out


def test_a_tool_that_breaks_is_no_clean_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = _tools(tmp_path, None)
    (tools / "pip-audit").write_text("#!/bin/sh\necho no such option >&2; exit 2\n")
    monkeypatch.setattr(audit, "TOOLS", tools)
    with pytest.raises(SystemExit, match="no such option"):
        audit.main()
