"""What an upload costs while other parts are frozen or away, against everything being well.

`python -m benchmarks.upload_independence [COUNT]` starts the whole product on private servers, with
quick password hashes and no limit that a benchmark would meet. In each state it times COUNT (30)
uploads by the API, COUNT by the form on the screen, and the list the browser is led to after each;
it prints medians in ms, and their ratios to those of the first line. Linux only.
"""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from functools import partial
from pathlib import Path

import httpx2

from benchmarks.upload_memory import PASSWORD, log_in
from deploy.local.rabbitmq import RabbitMQ
from tests.support.processes import child
from tests.support.product import Product, running_product
from tests.support.rabbitmqctl import rabbitmqctl

HASTE = {"BCRYPT_COST": "4", "UPLOADS_PER_MINUTE": "100000", "USER_FILES": "100000"}
WATERMARK = "set_vm_memory_high_watermark"
LIMIT = 1.5  # times what an upload costs with everything well
State = AbstractContextManager[None]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory() as folder:
        # Postgres leaves root behind and has to reach its data all the same.
        Path(folder).chmod(0o755)
        variables = {f"PREREVIEW_{name}": value for name, value in HASTE.items()}
        with running_product(Path(folder), **variables) as product:
            asyncio.run(compare(product, count))


async def compare(product: Product, count: int) -> None:
    print(f"{count} each, medians in ms (ratio)")
    print(f"{'':18}{'upload, API':>18}{'upload, form':>18}{'list after it':>18}", flush=True)
    usual: list[float] = []
    async with clients(product) as (program, browser):
        await measure(program, browser, "warm", 5)
        for number, (name, state) in enumerate(states(product).items()):
            with state():
                await asyncio.sleep(2)
                found = await measure(program, browser, f"s{number}", count)
            usual = usual or found
            cells = [f"{ms:9.0f} ({ms / well:5.1f})" for ms, well in zip(found, usual, strict=True)]
            print(f"{name:18}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
            await until_well(program, f"w{number}.py")


@asynccontextmanager
async def clients(
    product: Product,
) -> AsyncIterator[tuple[httpx2.AsyncClient, httpx2.AsyncClient]]:
    """A program and a browser of one person, who is logged in."""
    html = {"Accept": "text/html", "Origin": product.url}
    async with (
        httpx2.AsyncClient(base_url=product.url, timeout=60) as program,
        httpx2.AsyncClient(base_url=product.url, timeout=60, headers=html) as browser,
    ):
        await log_in(program, "ann@example.org")
        form = {"email": "ann@example.org", "password": PASSWORD}
        assert (await browser.post("/login", data=form)).status_code == httpx2.codes.SEE_OTHER
        yield program, browser


async def measure(
    program: httpx2.AsyncClient, browser: httpx2.AsyncClient, prefix: str, count: int
) -> list[float]:
    """Medians in ms: an upload by the API, one by the form, the list after that."""
    api, form, page = [], [], []
    for number in range(count):
        name, content = f"{prefix}_{number}.py", f"x = '{prefix}{number}'\n".encode()
        upload = partial(program.post, "/api/v1/files", files={"file": (f"a_{name}", content)})
        api.append(await timed(upload, httpx2.codes.CREATED))
    for number in range(count):
        name, content = f"{prefix}_{number}.py", f"y = '{prefix}{number}'\n".encode()
        began = time.perf_counter()
        answer = await browser.post("/", files={"files": (f"b_{name}", content)})
        form.append(1000 * (time.perf_counter() - began))
        assert answer.status_code == httpx2.codes.SEE_OTHER, answer.text
        page.append(await timed(partial(browser.get, answer.headers["location"])))
    return [statistics.median(times) for times in (api, form, page)]


async def timed(ask: Callable[[], Awaitable[httpx2.Response]], status: int | None = None) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    answer = await ask()
    assert status is None or answer.status_code == status, answer.text
    return 1000 * (time.perf_counter() - began)


def states(product: Product) -> dict[str, Callable[[], State]]:
    data, broker = product.folder / "data", child(product.supervisor, "rabbitmq")

    def service(name: str) -> int:
        return child(product.supervisor, name)

    return {
        "all well": nullcontext,
        **{
            f"{name} frozen": partial(frozen, partial(service, name))
            for name in ("reports", "checker", "notifier", "auth")
        },
        "reports away": partial(away, product, partial(service, "reports")),
        "RabbitMQ frozen": partial(frozen, lambda: broker),
        "RabbitMQ alarmed": partial(alarmed, RabbitMQ(data / "rabbitmq", {})),
        "RabbitMQ away": partial(away, product, lambda: broker),
    }


@contextmanager
def frozen(find: Callable[[], int]) -> Iterator[None]:
    pid = find()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def away(product: Product, find: Callable[[], int]) -> Iterator[None]:
    """Killed, and not started again meanwhile."""
    os.kill(product.supervisor, signal.SIGSTOP)
    os.kill(find(), signal.SIGKILL)
    try:
        yield
    finally:
        os.kill(product.supervisor, signal.SIGCONT)


@contextmanager
def alarmed(node: RabbitMQ) -> Iterator[None]:
    rabbitmqctl(node, WATERMARK, "0")
    try:
        yield
    finally:
        rabbitmqctl(node, WATERMARK, "absolute", "512MiB")


async def until_well(program: httpx2.AsyncClient, name: str) -> None:
    """What is uploaded now is in the list: files, the broker and reports do their part."""
    content = f"z = '{name}'\n".encode()
    while True:
        with suppress(httpx2.HTTPError):
            answer = await program.post("/api/v1/files", files={"file": (name, content)})
            if answer.status_code == httpx2.codes.CREATED:
                break
        await asyncio.sleep(1)
    while True:
        await asyncio.sleep(1)
        answer = await program.get("/api/v1/files", params={"q": name})
        if answer.status_code == httpx2.codes.OK and answer.json()["files"]:
            break


if __name__ == "__main__":
    main()
