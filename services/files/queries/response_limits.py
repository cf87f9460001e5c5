"""How much one response carries; its first item always fits."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class ResponseLimits:
    """Limits that bound the memory and the time of a response."""

    versions: int = 200  # with their contents, for archives
    version_bytes: int = 2 * MIB  # of the contents of those
    content_bytes: int = 16 * MIB  # of contents asked for by hash
    counted_bytes: int = 16 * MIB  # of contents whose changed lines are counted for a history
