"""Addresses people may be sent to."""

import re

_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def local_path(path: str) -> str:
    """The path when it surely stays on this site, else `/`."""
    decoded = path.lower().replace("%2f", "/").replace("%5c", "\\")
    return path if _LOCAL.fullmatch(path) and _LOCAL.fullmatch(decoded) else "/"
