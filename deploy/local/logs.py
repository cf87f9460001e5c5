"""The children's logs."""

from pathlib import Path

from deploy.local.files import closed_folder

LIMIT = 10 * 1024 * 1024  # bytes


def fresh_log(folder: Path, name: str) -> Path:
    """The file to append to; one that has grown large is put aside, in place of the last such."""
    closed_folder(folder)
    log = folder / f"{name}.log"
    if log.exists() and log.stat().st_size > LIMIT:
        log.replace(folder / f"{name}.log.1")
    return log
