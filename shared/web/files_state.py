"""How many files a person has and when the newest was saved, as files and reports each see it.

Where the two differ, the read model of reports lags behind the events of files.
"""

from datetime import datetime

FILES_STATE = "X-Files-State"


def files_state_header(count: int, newest: datetime | None) -> dict[str, str]:
    """`count` leaves out deleted files; `newest` is when the newest last version was saved."""
    return {FILES_STATE: f"{count} {newest.isoformat() if newest else ''}".rstrip()}
