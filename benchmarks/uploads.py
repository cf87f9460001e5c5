"""Many at once: `python -m benchmarks.uploads`.

Uploads through the API with 16 clients, against an endpoint that stores the same bytes and nothing
else; the list and a report with 32 connections, against an application that renders the same
templates and asks nobody. The checker is stopped while uploads are measured.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, at_least, faster, tell
from benchmarks.load import Load, hold, play, request, upload
from benchmarks.peers.bare import running_bare
from benchmarks.running import Client, Running, running, stopped, temporary_folder
from benchmarks.sources import Source, sources
from deploy.local.servers import private_postgres
from tests.support.waiting import eventually

CLIENTS, EACH = 16, 40  # uploads of each: within the 60 of a minute
CONNECTIONS, SECONDS = 32, 8.0
LISTED = 50  # files of a page
LONGEST = 120.0  # seconds until they have been checked


def figures() -> list[Figure]:
    files = sources(CLIENTS * EACH)
    with temporary_folder() as folder:
        stored = _bare_uploads(folder, files)
        uploads, pages = asyncio.run(_ours(folder, files))
        bare = _bare_pages(folder)
    found = _pair(f"uploads, {CLIENTS} clients", uploads, stored)
    for name, load in pages.items():
        found += _pair(f"{name} page, {CONNECTIONS} connections", load, bare[name])
    return found


def _pair(name: str, ours: Load, peer: Load) -> list[Figure]:
    found = [
        faster(name, ours.a_second, peer.a_second, "/s", at_least(0.5)),
        Figure(f"{name}: p99", ours.p99, "ms", peer.p99),
    ]
    if ours.refused or peer.refused:
        found.append(Figure(f"{name}: refused", ours.refused, "", peer.refused))
    return found


def _bare_uploads(folder: Path, files: Sequence[Source]) -> Load:
    with private_postgres(folder) as postgres:
        (folder / "database").write_text(postgres.url)
        with running_bare("storing", folder / "database") as port:
            return asyncio.run(play(port, _scripts("/files", [{}] * CLIENTS, files)))


def _scripts(
    path: str, headers: Sequence[dict[str, str]], files: Sequence[Source]
) -> list[list[bytes]]:
    """Of each client, with headers of its own, the requests for its share of the files."""
    return [
        [upload(path, mine, file.name, file.content) for file in files[number :: len(headers)]]
        for number, mine in enumerate(headers)
    ]


async def _ours(folder: Path, files: Sequence[Source]) -> tuple[Load, dict[str, Load]]:
    async with running(CLIENTS + 1, CHECK_INTERVAL="0") as system:
        reader, *uploaders = system.people
        pages = await _pages(system, reader, folder)
        with stopped(system.pids()["checker"]):
            bearers = [person.bearer() for person in uploaders]
            uploads = await play(system.port, _scripts("/api/v1/files", bearers, files))
    return uploads, pages


async def _pages(system: Running, person: Client, folder: Path) -> dict[str, Load]:
    """Of somebody with a page full of files; what is shown is told in the folder."""
    for file in sources(LISTED, first=CLIENTS * EACH):
        await person.upload(file.name, file.content)
    await eventually(person.all_mails_sent, LONGEST)
    check = await _check(person)
    (folder / "told").write_text(json.dumps(await _told(system, person, check)))
    cookies = await person.cookies()
    paths = {"list": "/", "report": f"/checks/{check['id']}"}
    return {
        name: await hold(system.port, request("GET", path, cookies), CONNECTIONS, SECONDS)
        for name, path in paths.items()
    }


async def _check(person: Client) -> dict[str, Any]:
    """The one that found neither much nor little."""
    found = (await person.get("/checks?limit=200"))["checks"]
    by_findings = sorted(found, key=lambda check: check["counts"]["total"])
    return await person.get(f"/checks/{by_findings[len(found) // 2]['id']}")


async def _told(system: Running, person: Client, check: dict[str, Any]) -> dict[str, Any]:
    """What the pages tell, for the application that asks nobody."""
    code = await person.http.get(f"/files/{check['file_id']}/content?version={check['version']}")
    return {
        "settings": {"public_url": system.product.url, "signing_key": "-", "jwks_file": "-"},
        "page": await person.get("/files"),
        "limits": await person.get("/limits"),
        "file": await person.get(f"/files/{check['file_id']}"),
        "check": check,
        "code": code.text,
    }


def _bare_pages(folder: Path) -> dict[str, Load]:
    with running_bare("pages", folder / "told") as port:
        return {
            name: asyncio.run(hold(port, request("GET", f"/{name}", {}), CONNECTIONS, SECONDS))
            for name in ("list", "report")
        }


if __name__ == "__main__":
    tell(figures())
