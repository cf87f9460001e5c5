"""People who upload, replace, delete and restore at a steady pace, through API and screens."""

import asyncio
import hashlib
import random
import re
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2

from tests.faults.accounts import PASSWORD, Account
from tests.faults.asking import told
from tests.faults.ledger import Request, What
from tests.faults.patience import tries

RETRY = 1.0  # seconds after a 503
TRIES = 40  # of one wish, then the person does something else
MOST_FILES = 25
_HIDDEN_VERSION = re.compile(r'name="version" value="(\d+)"')


@dataclass
class Kept:
    """What a person believes about a file; `file_id` is empty while it was only sent by a form."""

    name: str
    file_id: str = ""
    deleted: bool = False


@dataclass
class Uploader:
    """Uses the API. Every try sends bytes that nobody has sent before."""

    account: Account
    random: random.Random
    pace: float = 1.0  # seconds between two wishes
    bearer: str = ""  # an API token instead of the session's
    files: dict[str, Kept] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)  # sha256 of all tries
    _tries: int = 0

    async def live(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await self.wish(stopping)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self.pace * self.random.uniform(0.5, 1.5))

    async def wish(self, stopping: asyncio.Event | None = None) -> None:
        """One change, tried until it is done or refused."""
        what, kept = self._chosen()
        for _ in range(TRIES):
            request = await getattr(self, what)(kept)
            if request.outcome in ("done", "refused"):
                self._learn(what, kept, request)
                if request.status != 401:
                    return
                await self.log_in()
            if stopping is not None and stopping.is_set():
                return
            await asyncio.sleep(RETRY)

    async def log_in(self) -> None:
        await self.account.log_in()

    def content(self, name: str) -> tuple[bytes, str]:
        """Bytes that are unlike all others, with their digest."""
        self._tries += 1
        text = f"import os\n\n# {self.account.who} {name} try {self._tries}\nx = undefined\n"
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.sent.add(digest)
        return text.encode(), digest

    def _chosen(self) -> tuple[What, Kept]:
        living = [kept for kept in self.files.values() if not kept.deleted]
        gone = [kept for kept in self.files.values() if kept.deleted]
        dice = self.random.random()
        if gone and dice < 0.12:
            return "restore", self.random.choice(gone)
        if living and (dice < 0.65 or len(self.files) >= MOST_FILES):
            return ("delete" if dice < 0.25 else "replace"), self.random.choice(living)
        return "upload", Kept(f"{self.account.who}_{len(self.files) + 1}.py")

    def _learn(self, what: What, kept: Kept, request: Request) -> None:
        if request.outcome == "done":
            kept.file_id = request.file_id or kept.file_id
            kept.deleted = what == "delete"
        elif request.code in ("file_is_deleted", "name_taken_meanwhile"):
            kept.deleted = True
        elif request.code == "file_name_taken":  # a try of unknown outcome has worked after all
            kept.deleted = False
        else:
            return
        self.files[kept.name] = kept

    async def upload(self, kept: Kept) -> Request:
        content, sha256 = self.content(kept.name)
        request = Request(self.account.who, "upload", kept.name, sha256)
        files = {"file": (kept.name, content)}
        answer = await self._ask(request, "POST", "/api/v1/files", files=files)
        if request.code == "file_name_taken":
            kept.file_id = str(told(answer).get("params", {}).get("file_id", ""))
        return _noted(request, answer)

    async def replace(self, kept: Kept) -> Request:
        content, sha256 = self.content(kept.name)
        request = Request(self.account.who, "replace", kept.name, sha256, file_id=kept.file_id)
        files = {"file": (kept.name, content)}
        path = f"/api/v1/files/{kept.file_id}/content"
        return _noted(request, await self._ask(request, "PUT", path, files=files))

    async def delete(self, kept: Kept) -> Request:
        request = Request(self.account.who, "delete", kept.name, file_id=kept.file_id)
        await self._ask(request, "DELETE", f"/api/v1/files/{kept.file_id}")
        return request

    async def restore(self, kept: Kept) -> Request:
        request = Request(self.account.who, "restore", kept.name, file_id=kept.file_id)
        await self._ask(request, "POST", f"/api/v1/files/{kept.file_id}/restore")
        return request

    async def _ask(
        self, request: Request, method: str, path: str, **more: object
    ) -> httpx2.Response | None:
        if self.bearer:
            more["headers"] = {"Authorization": f"Bearer {self.bearer}"}
        return await self.account.asker.ask(request, method, path, **more)


@dataclass
class ScreenUser(Uploader):
    """Uses the forms of the screens, without JavaScript, with a cookie."""

    async def log_in(self) -> None:
        http = self.account.asker.http
        async for _ in tries(f"{self.account.who}'s login", RETRY):
            http.headers.pop("Authorization", None)
            http.cookies.clear()
            form = {"email": self.account.email, "password": PASSWORD, "next": "/"}
            request = Request(self.account.who, "confirm", name="login")
            await self.account.asker.ask(request, "POST", "/login", data=form)
            if request.outcome == "done":
                return

    async def upload(self, kept: Kept) -> Request:
        return await self._send(kept, "upload")

    async def replace(self, kept: Kept) -> Request:
        return await self._send(kept, "replace")

    async def _send(self, kept: Kept, what: What) -> Request:
        """The list's own form, with its box ticked: a file of this name is replaced."""
        content, sha256 = self.content(kept.name)
        request = Request(self.account.who, what, kept.name, sha256)
        parts = [("replace", (None, b"yes")), ("files", (kept.name, content))]
        return self._led(await self._ask(request, "POST", "/", files=parts), request)

    async def delete(self, kept: Kept) -> Request:
        request = Request(self.account.who, "delete", kept.name)
        path = f"/files/{await self._id(kept)}/delete"
        page = await self.account.asker.look(path)
        version = _HIDDEN_VERSION.search(page.text) if page else None
        if not kept.file_id or version is None:
            kept.file_id = ""
            request.outcome = "refused"  # the question was never shown, so nothing was asked
            return request
        request.file_id = kept.file_id
        form = {"version": version[1]}
        return self._led(await self._ask(request, "POST", path, data=form), request)

    async def restore(self, kept: Kept) -> Request:
        request = Request(self.account.who, "restore", kept.name, file_id=kept.file_id)
        path = f"/files/{kept.file_id}/restore"
        return self._led(await self._ask(request, "POST", path, data={}), request)

    def _led(self, answer: httpx2.Response | None, request: Request) -> Request:
        """Led to the login page, nothing was done."""
        if answer is not None and answer.headers.get("location", "").startswith("/login"):
            request.outcome, request.status = "refused", 401
        return request

    async def _id(self, kept: Kept) -> str:
        """From the list, which may lag behind."""
        if not kept.file_id:
            page = await self.account.asker.look("/", params={"q": kept.name})
            found = re.findall(
                r'class="name" href="/files/([0-9a-f-]{36})"', page.text if page else ""
            )
            kept.file_id = found[0] if len(found) == 1 else ""
        return kept.file_id


def _noted(request: Request, answer: httpx2.Response | None) -> Request:
    if request.outcome == "done":
        saved = told(answer)
        request.file_id, request.version = str(saved["id"]), int(saved["version"])
    return request
