"""Programs that do one thing and nothing else, with what the product is made with.

`python -m benchmarks.peers.bare {storing|pages} PORT FILE`
"""

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
import uvicorn
from fastapi import FastAPI, File, Request, Response, UploadFile

from deploy.local.ports import LOOPBACK, answers, free_ports
from deploy.local.processes import spawn, stop
from services.gateway.clients.files import Limits
from services.gateway.clients.reports import FilePage
from services.gateway.identity.cookies import Cookies
from services.gateway.settings import Settings
from services.gateway.source_view.excerpts import excerpts
from services.gateway.source_view.highlights import PLAIN
from services.gateway.web.checks.report import TIERS
from services.gateway.web.files.list_screen import Filters
from services.gateway.web.rendering import PageRenderer
from shared.contracts.http.reports import File as ListedFile
from shared.contracts.http.reports import Report
from shared.web.identity import User
from tests.support.product import ROOT

CONTENTS = """
CREATE TABLE contents (sha256 text PRIMARY KEY, content bytea NOT NULL);
CREATE TABLE files (
    id uuid PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL REFERENCES contents
)
"""
KEEP = "INSERT INTO contents VALUES ($1, $2) ON CONFLICT DO NOTHING"
NOTE = "INSERT INTO files VALUES ($1, $2, $3)"
CONNECTIONS = 16


def storing(file: Path) -> FastAPI:
    """Stores uploads; FILE names the database."""
    database = file.read_text()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(database, max_size=CONNECTIONS) as pool:
            app.state.pool = pool
            await pool.execute(CONTENTS)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/files", status_code=201)
    async def store(request: Request, file: Annotated[UploadFile, File()]) -> dict[str, str]:
        content, file_id = await file.read(), uuid4()
        sha256 = hashlib.sha256(content).hexdigest()
        async with request.app.state.pool.acquire() as connection, connection.transaction():
            await connection.execute(KEEP, sha256, content)
            await connection.execute(NOTE, file_id, file.filename, sha256)
        return {"id": str(file_id)}

    return app


def pages(file: Path) -> FastAPI:
    """Renders the list and a report of what FILE has, as the gateway does, and asks nobody."""
    told = json.loads(file.read_text())
    settings = Settings(**told["settings"])
    pages = PageRenderer(settings, Cookies(settings.is_secure, settings.session_seconds))
    check, current = Report(**told["check"]), ListedFile(**told["file"])
    frames = excerpts(told["code"], PLAIN, check.findings)
    shown = list(zip(check.findings, frames, strict=True))
    report: dict[str, Any] = {
        "check": check,
        "current": current,
        "by_tier": {tier: [pair for pair in shown if pair[0].tier == tier] for tier in TIERS},
    }
    listed: dict[str, Any] = {
        "notice": None, "added": 0, "same": 0, "outcomes": [], "replaces": True, "behind": False,
        "page": FilePage(**told["page"]), "limits": Limits(**told["limits"]), "wait": 60,
        "filters": Filters(),
    }  # fmt: skip
    user = User(uuid4(), uuid4(), "")
    app = FastAPI()

    @app.get("/list")
    async def show_list(request: Request) -> Response:
        request.state.user = user
        return pages.render(request, "files.html", **listed)

    @app.get("/report")
    async def show_report(request: Request) -> Response:
        request.state.user = user
        return pages.render(request, "report.html", **report)

    return app


PROGRAMS: dict[str, Callable[[Path], FastAPI]] = {"storing": storing, "pages": pages}


@contextmanager
def running_bare(program: str, file: Path) -> Iterator[int]:
    """The port it listens on."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "benchmarks.peers.bare", program, str(port), str(file)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = spawn(command, environment, file.parent / f"{program}.log")
    try:
        while not answers(port):
            assert process.poll() is None, f"{program} did not start"
            time.sleep(0.05)
        yield port
    finally:
        stop([process], signal.SIGTERM, 10.0)


if __name__ == "__main__":
    chosen, at, where = sys.argv[1:]
    app = PROGRAMS[chosen](Path(where))
    uvicorn.run(app, host=LOOPBACK, port=int(at), access_log=False, log_level="warning")
