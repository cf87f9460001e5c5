"""Nobody waits without an end."""

import asyncio
from pathlib import Path
from random import Random

import httpx2
import pytest

from tests.faults import killing, patience
from tests.faults.accounts import Account
from tests.faults.asking import Asker, Doors
from tests.faults.ledger import Ledger
from tests.faults.mail_server import MailServer
from tests.faults.newcomers import Newcomers
from tests.faults.people import ScreenUser, Uploader


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Whatever it asks is answered 401, as if the password was lost."""
    monkeypatch.setattr(patience, "LONGEST", 0.1)
    transport = httpx2.MockTransport(lambda _: httpx2.Response(401, json={"code": "no"}))
    http = httpx2.AsyncClient(transport=transport)
    return Account(Asker(Doors(["http://nowhere"]), Ledger(tmp_path / "ledger"), http), "ann")


async def test_a_lost_password_is_told(account: Account, tmp_path: Path) -> None:
    people = (Uploader(account, Random(1)), ScreenUser(account, Random(1)))
    for person in people:
        with pytest.raises(AssertionError, match="ann's login: nothing came of it"):
            await asyncio.wait_for(person.log_in(), 20)
    with pytest.raises(AssertionError, match="ann's registration"):
        await asyncio.wait_for(account.register(MailServer(tmp_path, 1)), 20)


async def test_a_newcomer_in_trouble_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Newcomers) -> None:
        raise AssertionError("in trouble")

    monkeypatch.setattr(Newcomers, "_one", fail)
    doors, ledger = Doors(["http://nowhere"]), Ledger(tmp_path / "ledger")
    newcomers = Newcomers(doors, ledger, MailServer(tmp_path, 1), Random(1))
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, stopping.set)
    with pytest.raises(AssertionError, match="in trouble"):
        await newcomers.live(stopping)


async def test_who_never_lives_cannot_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(killing, "AWAY", 0.3)
    with pytest.raises(AssertionError, match="files was to be killed"):
        await asyncio.wait_for(killing._kill("files", lambda: None), 20)


async def test_what_is_ended_has_ended() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    await patience.end([task])
    assert task.cancelled()


@pytest.mark.parametrize("kills", [3, 9, 30])
def test_everybody_is_killed_before_anybody_is_killed_again(kills: int) -> None:
    names = [f"victim {number}" for number in range(9)]
    for seed in range(50):
        order = killing.chosen(Random(seed), kills, names)
        assert len(order) == kills
        assert len(set(order)) == min(kills, 9)
        assert len(set(order[:9])) == min(kills, 9)
