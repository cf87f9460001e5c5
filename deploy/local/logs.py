"""The children's logs."""

from pathlib import Path

LIMIT = 10 * 1024 * 1024  # bytes


def fresh_log(folder: Path, name: str) -> Path:
    """The file to append to; one that has grown large is put aside, in place of the last such."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = folder / f"{name}.log"
    if log.exists() and log.stat().st_size > LIMIT:
        log.replace(folder / f"{name}.log.1")
    return log
