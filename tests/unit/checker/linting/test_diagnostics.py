"""Ruff's output is parsed in pieces, and only a bounded part of it is kept."""

import json
import tracemalloc

from services.checker.linting.diagnostics import MAX_DIAGNOSTICS, DiagnosticsReader

CHUNK = 1 << 16  # bytes, as the pipe hands them over
FINDINGS = 30_000
MOST = 2 << 20  # bytes, of some ten million
FINDING = {
    "cell": None,
    "code": "F821",
    "end_location": {"column": 3, "row": 7},
    "filename": "/dev/shm/run/a.py",
    "fix": None,
    "location": {"column": 1, "row": 7},
    "message": f"Undefined name `{'x' * 60}`",
    "name": "undefined-name",
    "noqa_row": 7,
    "severity": "error",
    "url": "https://docs.astral.sh/ruff/rules/undefined-name",
}


def test_a_flood_is_counted_to_the_last_finding_in_little_memory() -> None:
    line = json.dumps(FINDING, separators=(",", ":")).encode() + b"\n"
    flood, notebook = line * FINDINGS, DiagnosticsReader(["a.py"])
    tracemalloc.start()
    try:
        for start in range(0, len(flood), CHUNK):
            notebook.read(flood[start : start + CHUNK])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    notes = notebook.files["a.py"]
    assert notebook.finished
    assert notes.totals == {"F821": FINDINGS}
    assert len(notes.worst()) == MAX_DIAGNOSTICS
    assert len(flood) > 4 * MOST
    assert peak < MOST
