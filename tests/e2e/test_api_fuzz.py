"""Thousands of made-up requests against the API's own description of itself.

Whatever comes, the answer is one the description names: its status, its kind and its shape, and
never a fault of ours; and what needs a token is refused without one.
"""

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Register
from tests.support.product import Product
from tests.support.waiting import eventually

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "unsupported_method",
]
ENDLESS = "^/api/v1/events$"
LIST = "^/api/v1/files$"  # waits a second for each made-up event
FILES = "^/api/v1/(files/|checks)"
# What ends the session that the tries are made with.
FAREWELLS = "^/api/v1/sessions/current$"
TRIES = 2000
EXAMPLES = int(os.environ.get("PREREVIEW_FUZZ_EXAMPLES", "10"))  # per operation and phase


async def test_no_request_leads_to_a_fault_or_an_answer_nobody_described(
    product: Product, register: Register, tmp_path: Path
) -> None:
    ann = await register("ann.fuzz@example.com")
    await ann.upload("main.py", b"import os\n")
    await eventually(ann.all_mails_sent, seconds=60)
    [check] = await ann.checks("main.py")
    ids = {"file_id": ann.files["main.py"], "check_id": check["id"]}
    configuration = tmp_path / "schemathesis.toml"
    lines = [f'"{name}" = "{value}"' for name, value in ids.items()]
    configuration.write_text("\n".join(["[parameters]", *lines, ""]))
    token = f"--header=Authorization:{ann.http.headers['Authorization']}"

    rest = f"{ENDLESS}|{LIST}|{FILES}|{FAREWELLS}"
    parts = [
        [f"--exclude-path-regex={ENDLESS}"],
        [token, f"--include-path-regex={LIST}"],
        [token, f"--include-path-regex={FILES}"],
        [token, f"--exclude-path-regex={rest}"],
    ]

    reports = await asyncio.gather(
        *(_fuzz(product, tmp_path / str(place), *part) for place, part in enumerate(parts))
    )

    tries = sum(report["test_cases"]["generated"] for report in reports)
    logging.getLogger(__name__).info("%d requests", tries)
    assert tries >= TRIES


async def _fuzz(product: Product, folder: Path, *options: str) -> dict[str, Any]:
    """Run tries; AssertionError with the report when one is answered wrongly."""
    folder.mkdir()
    report = folder / "report.json"
    # One worker: threads that parse Python at once upset CPython 3.11.
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", "../schemathesis.toml", "run",
        f"{product.url}/api/openapi.json", f"--max-examples={EXAMPLES}",
        "--generation-deterministic",
        "--continue-on-failure", "--workers=1", "--no-color", "--phases=coverage,fuzzing",
        f"--checks={','.join(CHECKS)}", "--report=json", f"--report-json-path={report}", *options,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode(errors="replace")[-20_000:]
    return dict(json.loads(report.read_text("utf-8")))
