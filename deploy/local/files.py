"""Folders closed to other users; small files, written whole or not at all."""

import os
import stat
import tempfile
from pathlib import Path

from deploy.local.errors import CannotStart

_FOREIGN = 0o067  # rights of others, and of the group those beyond passing through
# What a data folder holds. One that holds anything else is not ours alone and stays as open as it
# is; the folders in it are closed each by itself.
_OURS = {"log", "mailbox", "ports.json", "postgres", "rabbitmq", "secrets", "supervisor.pid"}


def data_folder(path: Path) -> None:
    """Make the folder of everything that is kept, or close the one of an earlier version.

    Raises:
        CannotStart: we can't write there, or others can read and we can't change that.
    """
    try:
        if not path.exists() or {entry.name for entry in path.iterdir()} <= _OURS:
            closed_folder(path)
        usable = os.access(path, os.W_OK | os.X_OK)
    except OSError:
        usable = False
    if not usable:
        raise CannotStart(
            f"You may not write to {path}, or it is no folder: set PREREVIEW_DATA to a folder of "
            "yours, or unset it."
        )


def closed_folder(path: Path) -> None:
    """Make a folder that other users neither list nor read, or take those rights from them.

    Raises:
        CannotStart: it is another user's.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _FOREIGN:
        try:
            path.chmod(mode & ~_FOREIGN)
        except PermissionError:
            raise CannotStart(
                f"Others may read {path}, and you may not change that: take it over with chown, or "
                "set PREREVIEW_DATA to a folder of yours."
            ) from None


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
