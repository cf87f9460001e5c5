"""How much one response carries; its first item always fits."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ResponseLimits:
    """Limits that bound the memory and the time of a response."""

    report_bytes: int = 256 * 1024  # of findings, as stored
