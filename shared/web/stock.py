"""What a person has, in short: files says it of what is stored, reports of what it has heard of.

Where the two differ, news is on its way, whatever holds it up.
"""

from datetime import datetime

STOCK = "X-Stock"


def stock_header(files: int, newest: datetime | None) -> dict[str, str]:
    """Take how many files live, and when the newest of their last versions was saved."""
    return {STOCK: f"{files} {newest.isoformat() if newest else ''}".rstrip()}
