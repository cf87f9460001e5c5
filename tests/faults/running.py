"""A running product with a mail server beside it, and people who use it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from deploy.local.ports import free_ports
from tests.faults.accounts import Account
from tests.faults.asking import Asker, Doors, told
from tests.faults.ledger import Ledger
from tests.faults.mail_server import MailServer
from tests.faults.newcomers import Newcomers
from tests.faults.patience import end
from tests.faults.people import ScreenUser, Uploader
from tests.support.product import Product, running_product

HASTE = {
    "CHECK_INTERVAL": "1",
    "MAIL_INTERVAL": "0.3",
    "BCRYPT_COST": "4",
    "UPLOADS_PER_MINUTE": "100000",
    "USER_FILES": "100000",
}
LONGEST_WISH = 400.0  # seconds; a newcomer waits for a mail for most of that
_UNLIMITED = {"FAILED_LOGINS_PER_IP_ADDRESS": "100000", "REGISTRATIONS_PER_IP_ADDRESS": "100000"}


@dataclass
class Running:
    """Everything a fault needs to be done and to be judged."""

    folder: Path
    product: Product
    mail_server: MailServer
    ledger: Ledger
    doors: Doors
    seed: int
    variables: dict[str, str] = field(default_factory=dict)  # of the services, without prefix
    injected: set[str] = field(default_factory=set)  # ids of the poison sent
    uploaders: list[Uploader] = field(default_factory=list)
    observers: list[Uploader] = field(default_factory=list)  # who do not act by themselves
    random: Random = field(init=False)  # of what people do
    newcomers: Newcomers = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.newcomers = Newcomers(self.doors, self.ledger, self.mail_server, self.random)

    def people(self) -> list[Uploader]:
        return [*self.uploaders, *self.observers, *self.newcomers.arrived]

    async def settle_in(self) -> None:
        """Three people: one with a session, one with an API token, one at the screens."""
        ann, bob = (Uploader(self.account(who), self.random) for who in ("ann", "bob"))
        web = ScreenUser(self.account("web"), self.random)
        self.uploaders += [ann, bob, web]
        for person in self.uploaders:
            assert await person.account.register(self.mail_server), "no mail with a link came"
        await self._give_token(bob)
        await web.log_in()

    async def observer(self, who: str) -> Uploader:
        """Somebody with an account who only acts when told to."""
        person = Uploader(self.account(who), self.random)
        assert await person.account.register(self.mail_server), "no mail with a link came"
        self.observers.append(person)
        return person

    async def _give_token(self, person: Uploader) -> None:
        wanted = {"name": "robot", "scopes": ["files:read", "files:write"], "expires_in_days": 1}
        http = person.account.asker.http
        made = await http.post(f"{self.product.url}/api/v1/tokens", json=wanted)
        person.bearer = str(told(made)["token"])

    @asynccontextmanager
    async def busy(self, *, newcomers: bool = True) -> AsyncIterator[None]:
        """People live beside the block; at its end they finish what they are at."""
        stopping = asyncio.Event()
        lives = [person.live(stopping) for person in self.uploaders]
        lives += [self.newcomers.live(stopping)] if newcomers else []
        tasks = [asyncio.create_task(life) for life in lives]
        try:
            yield
        finally:
            stopping.set()
            await _finish(tasks)

    def account(self, who: str) -> Account:
        return Account(Asker(self.doors, self.ledger), who)


@asynccontextmanager
async def running(folder: Path, seed: int = 1, **variables: str) -> AsyncIterator[Running]:
    """Start all of it in an empty folder; everything has ended after the block."""
    folder.mkdir(parents=True, exist_ok=True)
    mail_server = MailServer(folder, free_ports(1)[0])
    chosen = {**HASTE, **_UNLIMITED, **variables}
    values = {f"PREREVIEW_{name}": value for name, value in chosen.items()}
    values["PREREVIEW_SMTP_URL"] = f"smtp://127.0.0.1:{mail_server.port}"
    mail_server.start()
    try:
        await mail_server.listening()
        with running_product(folder, **values) as product:
            ledger = Ledger(folder / "ledger.log")
            doors = Doors([product.url])
            found = Running(folder, product, mail_server, ledger, doors, seed, chosen)
            keeper = asyncio.create_task(_keep(mail_server))
            try:
                await found.settle_in()
                yield found
            finally:
                await end([keeper])
                for person in found.people():
                    await person.account.asker.http.aclose()
    finally:
        mail_server.stop()


async def _finish(tasks: list[asyncio.Task[None]]) -> None:
    """Raises what somebody's life raised, and `AssertionError` when it does not end."""
    _, late = await asyncio.wait(tasks, timeout=LONGEST_WISH)
    await end(late)
    assert not late, f"{len(late)} people got no wish done within {LONGEST_WISH:.0f} s"
    for task in tasks:
        task.result()


async def _keep(mail_server: MailServer) -> None:
    while True:
        await asyncio.sleep(0.5)
        mail_server.keep_alive()
