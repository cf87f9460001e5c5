"""Servers, keys and databases that tests share."""

import os
import sys
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from inspect import isasyncgenfunction, iscoroutinefunction
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop
from playwright.async_api import Browser, Page, async_playwright
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.local.packages import driver_libraries, find_chromium
from deploy.local.postgres import forget_variables
from shared.context import causation_id, correlation_id
from tests.support.databases import PrivateDatabase, copy, create_template, drop, empty
from tests.support.fonts import configured
from tests.support.keys import Keys, make_keys
from tests.support.product import Product, running_product
from tests.support.servers import Broker, postgres_server, rabbitmq_server

# Tests that need what takes long to start, and so share it; each group is the work of one worker.
SERVERS = {
    "product": ("tests/e2e/", "tests/browser/"),
    "faults": ("tests/faults/test_under_faults.py", "tests/faults/test_broken_tables.py"),
    "broker": ("tests/integration/shared/", "tests/integration/local/test_rabbitmq.py"),
}


# A shell may have settings of a product that runs elsewhere; what is for the tests says so.
_MEANT = ("PREREVIEW_TEST_", "PREREVIEW_FUZZ_")
for _name in [name for name in os.environ if name.startswith("PREREVIEW_")]:
    if not _name.startswith(_MEANT):
        del os.environ[_name]


# Nor is what names another database anybody's here but of the one that is given.
if "PREREVIEW_TEST_DATABASE_URL" not in os.environ:
    forget_variables()


# What finds the processes of a product needs /proc.
collect_ignore_glob = [] if sys.platform == "linux" else ["faults/*"]


def pytest_report_header() -> list[str]:
    return ["tests/faults are left out: they need Linux"] if collect_ignore_glob else []


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """What is tested runs on the event loop of production."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Refuse a sync test that needs async fixtures.

    It has no loop factory. The loop that it would be given instead takes down all session fixtures.
    """
    if metafunc.definition.get_closest_marker("asyncio"):
        return
    for name, definitions in metafunc._arg2fixturedefs.items():
        function = definitions[-1].func
        if iscoroutinefunction(function) or isasyncgenfunction(function):
            wrong = f"{metafunc.definition.nodeid}: `{name}` is async, so the test must be, too"
            pytest.fail(wrong, pytrace=False)


class ByServers(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a worker (`make test`) whole files, and to one of them all that share servers.

    pytest-xdist 3.8 does not see its own groups with pytest 9.2 (its issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _servers_of(file) or file


def _servers_of(file: str) -> str | None:
    return next((name for name, paths in SERVERS.items() if file.startswith(paths)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes one worker longest, or the others would wait for it at the end."""
    items.sort(key=lambda item: _servers_of(item.nodeid) is None)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServers:
    return ByServers(config, log)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A superuser's address of a Postgres server."""
    if given := os.environ.get("PREREVIEW_TEST_DATABASE_URL"):
        yield given
        return
    with postgres_server(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A RabbitMQ node with the product's users."""
    with rabbitmq_server(tmp_path_factory.mktemp("rabbitmq")) as running:
        yield running


@pytest.fixture(scope="session")
def amqp_url(request: pytest.FixtureRequest) -> str:
    """An administrator's address of a RabbitMQ server."""
    given = os.environ.get("PREREVIEW_TEST_AMQP_URL")
    return given or str(request.getfixturevalue("rabbitmq").url())


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(Path(tmp_path_factory.mktemp("keys")))


@pytest_asyncio.fixture(scope="session")
async def template(postgres_url: str) -> AsyncIterator[PrivateDatabase]:
    made = await create_template(postgres_url)
    yield made
    await drop(made)


@pytest_asyncio.fixture(scope="module")
async def postgres(template: PrivateDatabase) -> AsyncIterator[PrivateDatabase]:
    """A migrated database, shared by the tests of a module."""
    made = await copy(template)
    yield made
    await drop(made)


@pytest_asyncio.fixture(scope="session")
async def spare(template: PrivateDatabase) -> AsyncIterator[PrivateDatabase]:
    made = await copy(template)
    yield made
    await drop(made)


@pytest_asyncio.fixture
async def fresh_postgres(spare: PrivateDatabase) -> PrivateDatabase:
    """A migrated database without rows: emptying is faster than a copy."""
    await empty(spare)
    return spare


@pytest.fixture(autouse=True)
def _no_context() -> None:
    """What an earlier test worked for is none of this one's business."""
    correlation_id.set(None)
    causation_id.set(None)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The whole product, checking every two seconds, with passwords that are quick to hash."""
    folder = tmp_path_factory.mktemp("product")
    haste = {"CHECK_INTERVAL": "2", "MAIL_INTERVAL": "0.5", "BCRYPT_COST": "4"}
    variables = {f"PREREVIEW_{name}": value for name, value in haste.items()}
    with running_product(folder, **variables) as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    path = find_chromium()
    assert path is not None, "`make test` installs it"
    # Chromium refuses root without `--no-sandbox`; containers have a small /dev/shm.
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    monkeypatch = pytest.MonkeyPatch()
    if libraries := driver_libraries():
        monkeypatch.setenv("LD_LIBRARY_PATH", libraries, prepend=":")
    fonts = configured(tmp_path_factory.mktemp("fonts"))
    monkeypatch.setenv("FONTCONFIG_FILE", str(fonts))
    async with async_playwright() as playwright:
        monkeypatch.undo()
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """An empty page, for what needs none of ours."""
    page = await chromium.new_page()
    yield page
    await page.close()
