"""A service that was asked to stop begins nothing new while it answers what is under way."""

import asyncio

from shared.runtime import Loop
from shared.settings import Settings
from shared.web.app import create_app
from tests.support.apps import common_settings
from tests.support.keys import Keys
from tests.support.waiting import eventually


async def test_after_the_signal_no_loop_begins_another_step(keys: Keys) -> None:
    begun = {"busy": 0, "idle": 0}
    bell, go_on = asyncio.Event(), asyncio.Event()

    async def busy() -> bool:
        begun["busy"] += 1
        await go_on.wait()
        await asyncio.sleep(0)
        return True  # there is more to do

    async def idle() -> bool:
        begun["idle"] += 1
        return False

    loops = [Loop("busy", busy), Loop("idle", idle, pause=0.001, doorbell=bell)]
    app = create_app("files", Settings(**common_settings("files", keys)), [], loops=loops)
    async with app.router.lifespan_context(app):
        await eventually(lambda: _true(begun["busy"] == 1 and begun["idle"] > 0))
        app.state.stopping.set()  # what the server does at SIGTERM, before it waits for requests
        before = dict(begun)
        go_on.set()
        bell.set()
        for _ in range(20):
            await asyncio.sleep(0.002)
        assert begun == before
    assert begun == before


async def _true(condition: bool) -> bool:
    return condition
