"""How long after a fault it takes until an upload is taken, and until a mail has come of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from tests.faults.ledger import Request
from tests.faults.patience import end
from tests.faults.people import Kept, Uploader
from tests.faults.running import Running

LIMIT, BROKER_LIMIT = 5.0, 35.0  # seconds
# A copy that stands still is given up when the broker and Postgres miss it.
FREEZE_LIMIT = 60.0
# After a fault that was no kill, what was being done with a server has its time-outs.
FAULT_LIMIT = 35.0
# What the broker has lost is caught up on: decision 0022.
LOSS_LIMIT = 60.0
SLOWER = {
    "rabbitmq": BROKER_LIMIT,
    "queue-deleted": LOSS_LIMIT,
    "full-queue-deleted": LOSS_LIMIT,
    "binding-deleted": LOSS_LIMIT,
    "a copy that stands still": FREEZE_LIMIT,
}
LONGEST = 120.0  # seconds until a canary is given up
EVERY = 0.2  # seconds between two tries


@dataclass
class Recovery:
    """Seconds after the fault; None: never."""

    what: str
    at: float  # monotonic
    limit: float
    upload: float | None = None
    whole_way: float | None = None

    def told(self) -> str:
        upload, mail = (
            "never" if t is None else f"{t:.1f} s" for t in (self.upload, self.whole_way)
        )
        return f"{self.what}: an upload {upload}, a mail {mail}, at most {self.limit:.0f} s"


@dataclass
class Canary:
    """A person who after each fault uploads a file of its own and waits for the mail about it."""

    running: Running
    uploader: Uploader
    recoveries: list[Recovery] = field(default_factory=list)
    _flying: list[asyncio.Task[None]] = field(default_factory=list)

    def fly(self, what: str, limit: float = LIMIT) -> Recovery:
        """Begin to measure; `finish` waits for the end."""
        recovery = Recovery(what, time.monotonic(), SLOWER.get(what, limit))
        self.recoveries.append(recovery)
        self._flying.append(asyncio.create_task(self._measure(recovery, len(self.recoveries))))
        return recovery

    async def finish(self) -> None:
        await asyncio.gather(*self._flying)
        self._flying.clear()

    @asynccontextmanager
    async def flying(self) -> AsyncIterator[None]:
        """At the end of the block all measuring is finished, or given up if something is raised."""
        try:
            yield
            await self.finish()
        finally:
            await end(self._flying)

    async def _measure(self, recovery: Recovery, number: int) -> None:
        kept = Kept(f"{self.uploader.account.who}_{number}.py")
        latest = recovery.at + LONGEST
        request = Request(self.uploader.account.who, "upload")
        while time.monotonic() < latest and request.outcome != "done":
            request = await self.uploader.upload(kept)
            if request.code == "file_name_taken":  # a try without a clear answer has worked
                break
            if request.outcome != "done":
                await asyncio.sleep(EVERY)
        else:
            if request.outcome != "done":
                return
        recovery.upload = time.monotonic() - recovery.at
        while time.monotonic() < latest:
            if self._has_mail(kept.name):
                recovery.whole_way = time.monotonic() - recovery.at
                return
            await asyncio.sleep(EVERY)

    def _has_mail(self, name: str) -> bool:
        mine, mails = self.uploader.account.email, self.running.mail_server.mails()
        return any(mail.to == mine and name in mail.subject for mail in mails)


def too_slow(recoveries: list[Recovery], patience: float = 1.0) -> list[str]:
    """Who took longer than is promised, counted from whichever fault ends its time last.

    A fault before the end begins the time anew. A broker that is starting keeps others waiting
    until a mail has gone the whole way. `patience` multiplies what is allowed.
    """
    # An upload waits for no broker and no mail server.
    uploads = [replace(one, limit=LIMIT) for one in recoveries]
    ways = [one.whole_way for one in recoveries]
    return [
        *_later("an upload", [one.upload for one in recoveries], uploads, patience),
        *_later("the whole way", ways, recoveries, patience),
    ]


def _later(
    what: str, times: list[float | None], recoveries: list[Recovery], patience: float
) -> list[str]:
    wrong = []
    for one, took in zip(recoveries, times, strict=True):
        if took is None:
            wrong.append(f"after {one.what}: {what} was never done")
        elif one.at + took > _deadline(one.at + took, recoveries, patience):
            wrong.append(
                f"after {one.what}: {what} took {took:.1f} s, not at most {one.limit:.0f} s"
            )
    return wrong


def too_slow_alone(recoveries: list[Recovery], patience: float = 1.0) -> list[str]:
    """The same where no fault came before the one before it was over: none excuses another."""
    return [wrong for one in recoveries for wrong in too_slow([one], patience)]


def _deadline(ended: float, recoveries: list[Recovery], patience: float) -> float:
    return max(_excused(one, patience) for one in recoveries if one.at < ended)


def _excused(one: Recovery, patience: float) -> float:
    """Until when others may wait for this. A broker that is back is none of their excuse."""
    longest = one.at + one.limit * patience
    if one.limit == LIMIT or one.whole_way is None:
        return longest
    return min(longest, one.at + one.whole_way + LIMIT * patience)
