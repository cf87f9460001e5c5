"""People with a second factor: an app that knows the secret, and a sheet of recovery codes."""

from dataclasses import dataclass
from typing import Any

import httpx2
import pyotp

from tests.integration.auth.world import PASSWORD, Session, World

STEP = 30  # seconds


@dataclass
class Guarded:
    """Somebody whose login asks for a code."""

    session: Session
    app: pyotp.TOTP
    recovery: list[str]

    @property
    def email(self) -> str:
        return self.session.email

    @property
    def world(self) -> World:
        return self.session.world

    def code(self, step: int = 0) -> str:
        """What the app shows now, or so many steps later."""
        return self.app.at(self.world.clock.now, counter_offset=step)

    def wrong_code(self) -> str:
        near = {self.code(step) for step in range(-2, 3)}
        return next(code for code in (f"{n:06}" for n in range(10)) if code not in near)

    async def challenge(self, **more: Any) -> str:
        """What the right password gets."""
        answer = await self.world.try_login(self.email, **more)
        assert answer.status_code == 201, answer.text
        assert set(answer.json()) == {"challenge", "expires_in"}
        return str(answer.json()["challenge"])

    async def answer(self, challenge: str, code: str, **more: Any) -> httpx2.Response:
        body = {"challenge": challenge, "code": code, "client": self.world.client}
        return await self.world.post("/sessions/second-factor", body | more)

    async def try_code(self, code: str) -> httpx2.Response:
        return await self.answer(await self.challenge(), code)


async def begin(person: Session, password: str = PASSWORD) -> httpx2.Response:
    return await person.ask("POST", "/me/second-factor", {"password": password})


async def guarded(world: World) -> Guarded:
    """Somebody new, logged in with a browser; the code of the moment is a fresh one."""
    person = await world.person(kind="web")
    await world.confirm_address(person.email)
    begun = await begin(person)
    assert begun.status_code == 201, begun.text
    app = pyotp.TOTP(begun.json()["secret"])
    confirmed = await person.ask("PUT", "/me/second-factor", {"code": app.at(world.clock.now)})
    assert confirmed.status_code == 200, confirmed.text
    world.clock.let_pass(seconds=STEP)
    return Guarded(person, app, confirmed.json()["recovery_codes"])
