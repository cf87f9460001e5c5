"""The mail server's process: started, killed, told how to behave, and its log."""

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.patience import tries
from tests.faults.smtp import Act
from tests.support.product import ROOT


@dataclass(frozen=True)
class Accepted:
    """A mail that the server has written down; `answered`: it went on to say 250."""

    at: float
    to: str
    message_id: str
    subject: str
    digest: str
    text: str
    answered: bool


@dataclass
class MailServer:
    """`keep_alive` starts it again after a death, as the machine of a mail server would.

    `refused` are addresses, once for each 5xx; `mails` brings it up to date.
    """

    folder: Path
    port: int
    wanted: bool = False
    refused: list[str] = field(default_factory=list, repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _read: int = 0
    _mails: list[Accepted] = field(default_factory=list, repr=False)

    @property
    def pid(self) -> int | None:
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if alive and self._process else None

    def start(self) -> None:
        self.wanted = True
        if not (self.folder / "smtp.act").exists():
            self.tell("accept")
        command = [sys.executable, "-m", "tests.faults.smtp", str(self.folder), str(self.port)]
        self._process = subprocess.Popen(command, cwd=ROOT)

    async def listening(self, seconds: float = 30.0) -> None:
        """Wait until somebody can connect.

        Raises:
            AssertionError: nobody could in time.
        """
        async for _ in tries("a connection to the mail server", pause=0.1, seconds=seconds):
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return

    def stop(self) -> None:
        self.wanted = False
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def keep_alive(self) -> None:
        if self.wanted and self.pid is None:
            self.start()

    def tell(self, act: Act) -> None:
        """How to behave in conversations from now on."""
        fresh = self.folder / "smtp.act.new"
        fresh.write_text(act)
        fresh.replace(self.folder / "smtp.act")

    def mails(self) -> list[Accepted]:
        """Everything accepted so far, oldest first."""
        path = self.folder / "smtp.log"
        if path.exists():
            with path.open("rb") as log:
                log.seek(self._read)
                for line in log:
                    if not line.endswith(b"\n"):
                        break
                    self._read += len(line)
                    self._note(json.loads(line))
        return self._mails

    def _note(self, told: dict[str, object]) -> None:
        what = told.pop("what")
        if what == "accepted":
            self._mails.append(Accepted(**told))  # type: ignore[arg-type]
        elif what == "refused":
            self.refused.append(str(told["to"]))
