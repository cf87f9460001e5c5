"""Style sheets, scripts and images, served from memory under URLs with a content hash."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request, Response
from xstatic.pkg import bootstrap

from shared.errors import NotFound
from shared.web.routes import Router

_OWN = Path(__file__).parent / "static"
_BOOTSTRAP = Path(bootstrap.BASE_DIR) / "css" / "bootstrap.min.css"
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A static file, plain and compressed."""

    content: bytes
    compressed: bytes
    digest: str
    kind: str


def _load(path: Path) -> Asset:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(content, gzip.compress(content, 9, mtime=0), digest, kind)


ASSETS = {path.name: _load(path) for path in (*sorted(_OWN.iterdir()), _BOOTSTRAP)}
router = Router(include_in_schema=False)


def url(name: str) -> str:
    return f"/static/{ASSETS[name].digest}/{name}"


@router.get("/static/{digest}/{name}")
async def asset(digest: str, name: str, request: Request) -> Response:
    """A URL with another hash, from another release, gets the current content, uncached."""
    found = ASSETS.get(name)
    if found is None:
        raise NotFound
    headers = {
        "Cache-Control": _FOR_EVER if digest == found.digest else "no-cache",
        "Vary": "Accept-Encoding",
    }
    content = found.content
    if "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = found.compressed, "gzip"
    return Response(content, media_type=found.kind, headers=headers)
