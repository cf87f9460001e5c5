"""Write everything that is derived from code: `python -m deploy.docs [--check]`.

JSON Schemas, AsyncAPI, `docs/events.md`, `docs/openapi.json`, `.env.example`. With `--check`
nothing is written; the exit code is 1 when something is out of date.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.environment import example
from deploy.event_docs import documents as events
from deploy.openapi import document

ROOT = Path(__file__).resolve().parent.parent


def documents() -> Iterator[tuple[Path, str]]:
    """Every derived file with the text it should have."""
    yield from events()
    yield ROOT / ".env.example", example()
    yield ROOT / "docs" / "openapi.json", document()


def main(arguments: list[str]) -> int:
    stale = [
        (path, text)
        for path, text in documents()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    for path, text in stale:
        if "--check" in arguments:
            sys.stderr.write(f"out of date: {path.relative_to(ROOT)}; run `make docs`\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
