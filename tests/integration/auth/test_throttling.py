"""What one network, or many, can cost others: locked out, kept waiting, refused."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv6Address
from itertools import cycle, islice
from typing import TypeVar

import httpx2
import pytest
import pytest_asyncio

from services.auth.adapters.bcrypt_hasher import BcryptHasher
from services.auth.adapters.fair_pool import FairPool
from services.auth.adapters.zxcvbn_meter import ZxcvbnMeter
from services.auth.domain.client_info import ClientInfo, ClientSummary
from services.auth.domain.limits import Limit, key_of
from services.auth.tables import security_log, users
from services.auth.use_cases import throttling
from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.throttling import TooManyAttempts
from shared.eventsourcing.append_lock import take_append_lock
from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    Variant,
    mailed_link,
    new_client,
    new_email,
)
from tests.support.apps import is_problem

T = TypeVar("T")
Ask = Callable[[AuthHarness, dict[str, str]], Awaitable[httpx2.Response]]


def at(host: str) -> dict[str, str]:
    return {**new_client(), "address": host}


def neighbours(bits: int, number: int, *, apart: int = 1) -> list[dict[str, str]]:
    """Clients in one network of so many bits, each so many /64s from the one before."""
    start = (0x20010DB8 << 96) | (random.getrandbits(bits - 32) << (128 - bits))
    hosts = [start | (one * apart << 64) | 1 for one in range(number)]
    return [at(str(IPv6Address(host))) for host in hosts]


async def fail(harness: AuthHarness, email: str, client: dict[str, str], times: int) -> list[int]:
    answers = [await harness.try_login(email, OTHER_PASSWORD, client=client) for _ in range(times)]
    return [answer.status_code for answer in answers]


async def test_ten_networks_of_one_provider_do_not_shut_the_owner_out(harness: AuthHarness) -> None:
    person = await harness.new_person()
    statuses = list[int]()
    for client in neighbours(48, 10, apart=256):
        statuses += await fail(harness, person.email, client, 10)
    assert statuses == [401] * 40 + [429] * 60
    assert (await harness.try_login(person.email, client=new_client())).status_code == 201


@pytest.mark.parametrize(
    ("clients", "most"),
    [(neighbours(64, 1), 10), (neighbours(56, 20), 20), (neighbours(48, 20, apart=256), 40)],
    ids=["/64", "/56", "/48"],
)
async def test_the_wider_network_has_a_somewhat_larger_limit(
    harness: AuthHarness, clients: list[dict[str, str]], most: int
) -> None:
    nobody, statuses = new_email(), list[int]()
    for client in islice(cycle(clients), most + 5):
        statuses += await fail(harness, nobody, client, 1)
    assert statuses == [401] * most + [429] * 5
    assert await fail(harness, nobody, new_client(), 1) == [401]


async def test_neighbours_do_not_shut_a_known_browser_out(harness: AuthHarness) -> None:
    mine, *others = neighbours(48, 14, apart=256)
    mine = {**mine, "device": "telephone"}
    person = await harness.new_person(kind="web", client=mine)
    for client in others:
        await fail(harness, person.email, client, 5)
    newcomer = {**mine, "device": "another"}
    refused = await harness.try_login(person.email, client=newcomer)
    assert is_problem(refused, 429, "too_many_attempts")
    assert (await harness.try_login(person.email, client=mine)).status_code == 201
    assert await fail(harness, person.email, mine, 11) == [401] * 10 + [429]


@pytest.mark.parametrize(
    "written",
    ["::ffff:198.51.100.{}", "64:ff9b::c633:64{:02x}", "2002:c633:64{:02x}::1", "198.51.100.{}"],
)
async def test_an_embedded_ipv4_address_is_that_address(harness: AuthHarness, written: str) -> None:
    nobody, host = new_email(), random.randrange(256)
    assert await fail(harness, nobody, at(f"198.51.100.{host}"), 10) == [401] * 10
    assert await fail(harness, nobody, at(written.format(host)), 1) == [429]


@pytest.mark.parametrize(
    "host", ["fe80::1%eth0", "fe80::1%\r\n", "::ffff:1.2.3.4%lo", "%", "1.2.3"]
)
async def test_an_address_with_a_scope_is_an_address(harness: AuthHarness, host: str) -> None:
    email, client = new_email(), at(host)
    assert (await harness.register(email, client=client)).status_code == 202
    assert await fail(harness, email, client, 1) == [401]
    assert (await harness.try_login(email, client=client)).status_code == 201
    answer = await harness.post("/password-resets", {"email": email, "client": client})
    assert answer.status_code == 202


@pytest_asyncio.fixture
async def narrow(variant: Variant) -> AsyncIterator[AuthHarness]:
    """The service with small limits for addresses."""
    async with variant(failed_logins_per_ip_address=3, registrations_per_ip_address=3) as narrow:
        yield narrow


async def _register(harness: AuthHarness, client: dict[str, str]) -> httpx2.Response:
    return await harness.register(new_email(), client=client)


async def _forget(harness: AuthHarness, client: dict[str, str]) -> httpx2.Response:
    return await harness.post("/password-resets", {"email": "x", "client": client})


async def _guess(harness: AuthHarness, client: dict[str, str]) -> httpx2.Response:
    return await harness.try_login(new_email(), client=client)


@pytest.mark.parametrize("ask", [_register, _forget, _guess])
async def test_what_an_address_may_do_a_provider_may_do_four_times(
    narrow: AuthHarness, ask: Ask
) -> None:
    answers = [await ask(narrow, client) for client in neighbours(48, 14, apart=256)]
    refused = [answer.status_code == 429 for answer in answers]
    assert refused == [False] * 12 + [True] * 2
    assert (await ask(narrow, new_client())).status_code != 429


# The queues.


@dataclass
class Recorder:
    """Which networks have asked for slow work, and how much began while each waited for its own."""

    asked: list[str] = field(default_factory=list)
    waits: dict[str, list[int]] = field(default_factory=dict)
    started: int = 0


class RecordingPool(FairPool):
    """Makes all work slow."""

    def __init__(self, threads: int, recorder: Recorder) -> None:
        super().__init__("recording", threads)
        self._recorder = recorder

    async def run(self, network: str, work: Callable[[], T]) -> T:
        recorder = self._recorder
        recorder.asked.append(network)
        before = recorder.started

        def slow_work() -> T:
            recorder.waits.setdefault(network, []).append(recorder.started - before)
            recorder.started += 1
            time.sleep(0.1)
            return work()

        return await super().run(network, slow_work)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest_asyncio.fixture
async def slow(variant: Variant, recorder: Recorder) -> AsyncIterator[AuthHarness]:
    """The service with slow work that is recorded."""
    hasher = BcryptHasher("pepper", 4, RecordingPool(2, recorder))
    meter = ZxcvbnMeter(RecordingPool(1, recorder))
    async with variant(hasher=hasher, meter=meter) as slow:
        yield slow


async def test_a_burst_of_logins_from_one_address_keeps_nobody_else_waiting(
    slow: AuthHarness, recorder: Recorder
) -> None:
    person, crowd, elsewhere = await slow.new_person(), new_client(), new_client()
    burst = [asyncio.create_task(slow.try_login(new_email(), client=crowd)) for _ in range(60)]
    await asyncio.sleep(0.5)
    assert (await slow.try_login(person.email, client=elsewhere)).status_code == 201
    answers = await asyncio.gather(*burst)
    assert max(recorder.waits[ClientInfo(elsewhere["address"]).widest_network]) <= 2
    busy = [answer for answer in answers if answer.status_code == 503]
    assert busy
    assert all(is_problem(answer, 503, "password_hashing_busy") for answer in busy)
    assert {answer.headers["retry-after"] for answer in busy} == {"5"}
    assert {answer.status_code for answer in answers} == {401, 503}


async def test_a_burst_of_weak_passwords_keeps_no_registration_waiting(
    slow: AuthHarness, recorder: Recorder
) -> None:
    person, crowd, elsewhere = await slow.new_person(), new_client(), new_client()
    token, _ = await mailed_link(slow, person, "reset_password")
    body = {"token": token, "password": "password", "client": crowd}
    burst = [
        *(slow.post("/password-resets", body, "PUT") for _ in range(60)),
        *(slow.register(new_email(), "password", client=crowd) for _ in range(30)),
    ]
    running = asyncio.gather(*burst)
    await asyncio.sleep(0.5)
    assert (await slow.register(new_email(), client=elsewhere)).status_code == 202
    answers = await running
    assert max(recorder.waits[ClientInfo(elsewhere["address"]).widest_network]) <= 2
    assert {answer.status_code for answer in answers} == {422, 503}


async def test_who_is_logged_in_has_no_share_of_their_own(
    slow: AuthHarness, recorder: Recorder
) -> None:
    """Otherwise a network would get a share for each account that it makes."""
    person = await slow.new_person()
    recorder.asked.clear()
    await slow.try_login(person.email)
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await person.request("POST", "/me/password", body)).status_code == 204
    assert len(recorder.asked) == 4
    assert len(set(recorder.asked)) == 1
    assert recorder.asked[0].endswith("/48")


# The tries of a link.


async def _reset(harness: AuthHarness, token: str, password: str) -> httpx2.Response:
    body = {"token": token, "password": password, "client": harness.client}
    return await harness.post("/password-resets", body, "PUT")


async def test_the_tenth_try_of_a_link_may_be_the_right_one(harness: AuthHarness) -> None:
    token, _ = await mailed_link(harness, await harness.new_person(), "reset_password")
    for _ in range(9):
        assert is_problem(await _reset(harness, token, "password"), 422, "password_too_weak")
    assert (await _reset(harness, token, OTHER_PASSWORD)).status_code == 204


async def test_after_ten_tries_a_link_is_used_up_and_says_so(harness: AuthHarness) -> None:
    person = await harness.new_person()
    token, _ = await mailed_link(harness, person, "reset_password")
    again = (await harness.mail(person.email, "reset_password"))["token"]
    for one in (token, again) * 5:
        assert is_problem(await _reset(harness, one, "password"), 422, "password_too_weak")
    for one in (token, again):
        assert is_problem(await harness.post("/links", {"token": one}), 422, "link_invalid")
        assert is_problem(await _reset(harness, one, OTHER_PASSWORD), 422, "link_invalid")
    newer, _ = await mailed_link(harness, person, "reset_password")
    assert (await _reset(harness, newer, OTHER_PASSWORD)).status_code == 204


async def test_what_costs_nothing_is_no_try(harness: AuthHarness) -> None:
    token, _ = await mailed_link(harness, await harness.new_person(), "reset_password")
    for _ in range(12):
        assert is_problem(await _reset(harness, token, "short"), 422, "password_too_short")
    assert (await _reset(harness, token, OTHER_PASSWORD)).status_code == 204


async def test_of_many_parallel_tries_ten_are_judged(harness: AuthHarness) -> None:
    token, _ = await mailed_link(harness, await harness.new_person(), "reset_password")
    answers = await asyncio.gather(*(_reset(harness, token, "password") for _ in range(60)))
    codes = [answer.json()["code"] for answer in answers]
    assert (codes.count("password_too_weak"), codes.count("link_invalid")) == (10, 50)


# The locks.


async def test_a_registration_that_waits_for_its_events_stops_no_login(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    limits = harness.app.state.provided[Dependencies].limits
    async with harness.database.transaction() as connection:
        mail = limits.unsolicited_mails("confirm_email", new_email())
        assert await throttling.try_acquire(connection, mail, harness.clock.now)
        await take_append_lock(connection)
        for status in await fail(harness, person.email, new_client(), 2):
            assert status == 401
        answer = await asyncio.wait_for(_forget(harness, new_client()), 2)
        assert answer.status_code == 202


async def test_a_login_under_way_holds_up_failures_of_that_account_only(
    harness: AuthHarness,
) -> None:
    person, other, client = await harness.new_person(), await harness.new_person(), new_client()
    summary = ClientSummary("Firefox on Linux", client["address"])
    await fail(harness, person.email, client, 1)
    async with harness.database.transaction() as connection:
        await users.lock(connection, person.user_id)
        await security_log.insert(
            connection, person.user_id, "sign_in_failed", harness.clock.now, summary
        )
        waiting = asyncio.create_task(fail(harness, person.email, client, 1))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        answer = await asyncio.wait_for(harness.try_login(other.email, client=new_client()), 2)
        assert answer.status_code == 201
    assert await waiting == [401]


async def test_counting_keys_that_overlap_never_waits_in_a_circle(harness: AuthHarness) -> None:
    keys = [key_of(b"secret", new_email()) for _ in range(6)]
    held: dict[bytes, int] = dict.fromkeys(keys, 0)
    order = random.Random(7)

    def some() -> list[Limit]:
        return [Limit(key, 40, timedelta(hours=1)) for key in order.sample(keys, 4)]

    async def count(mine: list[Limit]) -> None:
        try:
            async with harness.database.transaction() as connection:
                await throttling.acquire(connection, mine, harness.clock.now)
        except TooManyAttempts:
            return
        for limit in mine:
            held[limit.key] += 1

    async def forget(mine: list[Limit]) -> None:
        """Take the locks and forget what lives tomorrow, which is nothing."""
        async with harness.database.transaction() as connection:
            await throttling.reset(connection, mine[:1], harness.clock.now + timedelta(days=1))

    await asyncio.gather(*(count(some()) for _ in range(150)), *(forget(some()) for _ in range(50)))
    assert max(held.values()) == 40, "exactly as many as are allowed"
    rows = await harness.rows(
        "SELECT key, count(*) FROM throttle WHERE key = ANY(:keys) GROUP BY key", keys=keys
    )
    assert {row[0]: row[1] for row in rows} == held


async def test_everything_at_once_ends_well(harness: AuthHarness) -> None:
    """Registrations, wishes, failures and resets that meet at the same addresses and people."""
    people = [await harness.new_person() for _ in range(4)]
    emails = [person.email for person in people]
    new = [new_email() for _ in range(3)]
    asked = []
    for number in range(48):
        person, email = people[number % 4], emails[(number + 1) % 4]
        wish = {"password": PASSWORD, "email": [*new, email][number % 4]}
        asked += [
            person.request("POST", "/me/email", wish),
            person.request("POST", "/confirmations/again"),
            harness.register([*new, *emails][number % 7], client=new_client()),
            harness.try_login(email, OTHER_PASSWORD, client=new_client()),
            harness.post("/password-resets", {"email": email, "client": new_client()}),
        ]
    order = random.Random(7)
    order.shuffle(asked)
    limit = asyncio.Semaphore(16)

    async def one(request: Awaitable[httpx2.Response]) -> int:
        async with limit:
            return (await request).status_code

    statuses = await asyncio.gather(*map(one, asked))
    assert set(statuses) <= {202, 401, 409, 422, 429}, sorted(set(statuses))
