"""What people asked for and what they were answered."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Outcome = Literal["done", "refused", "unavailable", "unknown"]
"""2xx; 4xx; 503 or no connection at all; 504, another 5xx, or a connection that broke."""
What = Literal["upload", "replace", "delete", "restore", "register", "confirm", "erase"]
UNAVAILABLE, OUTCOME_UNKNOWN, SERVER_ERROR = 503, 504, 500


@dataclass
class Request:
    """One try. Saved bytes are unlike those of any other try, so that each can be recognised.

    `file_id` and `version` are known once the answer has told them.
    """

    who: str
    what: What
    name: str = ""
    sha256: str = ""
    outcome: Outcome = "unknown"
    status: int = 0  # 0: no answer
    code: str = ""
    file_id: str = ""
    version: int = 0
    begun: float = field(default_factory=time.time)
    ended: float = 0.0


@dataclass
class Ledger:
    """All requests in the order they began, also in `path`, one a line as they end."""

    path: Path
    requests: list[Request] = field(default_factory=list)

    def begin(self, request: Request) -> Request:
        self.requests.append(request)
        return request

    def end(self, request: Request) -> None:
        request.ended = time.time()
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(request)) + "\n")


def outcome_of(status: int) -> Outcome:
    """What an answer promises; 0 stands for a connection that broke before there was one."""
    if 200 <= status < 400:
        return "done"
    if 400 <= status < SERVER_ERROR:
        return "refused"
    return "unavailable" if status == UNAVAILABLE else "unknown"
