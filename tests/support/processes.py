"""What the kernel tells about processes."""

from collections.abc import Iterator
from pathlib import Path


def is_alive(pid: int) -> bool:
    """A zombie is not: it only waits for its new parent to look."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from descendants(int(child))


def child(supervisor: int, name: str) -> int:
    """The program of the running product that writes a log of this name."""
    return next(pid for pid in descendants(supervisor) if _log_of(pid) == f"{name}.log")


def backends(supervisor: int, role: str) -> list[int]:
    """Postgres's processes that serve a role."""
    found = []
    for pid in descendants(supervisor):
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
        if title.startswith(f"postgres: {role} ".encode()):
            found.append(pid)
    return found


def _log_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/fd/1").readlink().name
    except OSError:
        return ""
