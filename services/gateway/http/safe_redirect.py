"""Redirects to paths of this site only."""

import re

_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def local_path(path: str) -> str:
    """`path` if it can only be a path of this site, else `/`."""
    decoded = path.lower().replace("%2f", "/").replace("%5c", "\\")
    return path if _LOCAL.fullmatch(path) and _LOCAL.fullmatch(decoded) else "/"
