"""Addresses people may be sent to."""

import re

_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def local_path(wanted: str) -> str:
    """The path when it surely stays on this site, else `/`."""
    decoded = wanted.lower().replace("%2f", "/").replace("%5c", "\\")
    return wanted if _LOCAL.fullmatch(wanted) and _LOCAL.fullmatch(decoded) else "/"
