"""Small files, written whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_bytes(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace the file at once: whoever reads it sees the old content or the new, never a part."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: Path, content: str, mode: int = 0o600) -> None:
    write_bytes(path, content.encode(), mode)
