"""`Content-Disposition` of a form's parts (RFC 7578) and of downloads (RFC 6266)."""

import re
from urllib.parse import quote

from services.gateway.errors import FileNameUnreadable, UploadInvalid

MAX_NAME = 1000  # characters; files decides which names are allowed
_PARAMETER = re.compile(r';\s*([\w*]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)')
_ESCAPED = re.compile(r'\\(["\\])')
# How browsers escape these in names (WHATWG HTML, multipart/form-data encoding).
_OF_BROWSERS = (("%22", '"'), ("%0A", "\n"), ("%0D", "\r"))
_UNSAFE = re.compile(r'[^ -~]|["\\%]')


def attachment(name: str) -> str:
    """The header of a download; `filename*` has the exact name (RFC 8187)."""
    plain = _UNSAFE.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def part_names(disposition: bytes) -> tuple[str, str | None]:
    """The field name and file name of a part. `filename*` is ignored: RFC 7578 forbids it."""
    try:
        text = disposition.decode()
    except UnicodeDecodeError:
        raise FileNameUnreadable from None
    found = _PARAMETER.findall(text)
    names = [value for name, value in found if name.lower() == "name"]
    filenames = [value for name, value in found if name.lower() == "filename"]
    if not text.lower().startswith("form-data") or len(names) != 1 or len(filenames) > 1:
        raise UploadInvalid
    if not filenames:
        starred = any(name.lower() == "filename*" for name, _ in found)
        return _unquoted(names[0]), "" if starred else None
    filename = _unquoted(filenames[0])
    if len(filename) > MAX_NAME:
        raise FileNameUnreadable
    return _unquoted(names[0]), filename


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    plain = _ESCAPED.sub(r"\1", value[1:-1])
    for written, meant in _OF_BROWSERS:
        plain = plain.replace(written, meant)
    return plain
