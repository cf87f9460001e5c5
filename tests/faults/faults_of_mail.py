"""Faults of the mail server."""

from functools import partial

from tests.faults.faults import Fault, last
from tests.faults.running import Running
from tests.faults.smtp import Act

LASTS = 20.0  # seconds


async def behave(running: Running, act: Act) -> None:
    running.mail_server.tell(act)
    try:
        await last(LASTS)
    finally:
        running.mail_server.tell("accept")


async def refuse(running: Running) -> None:
    """Nobody listens."""
    running.mail_server.stop()
    try:
        await last(LASTS)
    finally:
        running.mail_server.start()


FAULTS = (
    Fault("smtp-refused", "mail server: connections refused for 20 s", refuse),
    Fault(
        "smtp-black-hole", "mail server: says nothing for 20 s", partial(behave, act="black_hole")
    ),
    Fault("smtp-slow", "mail server: 3 s for each answer", partial(behave, act="slow")),
    Fault("smtp-garbage", "mail server: garbage", partial(behave, act="garbage")),
    Fault("smtp-4xx", "mail server: 452 to everything", partial(behave, act="4xx")),
    Fault("smtp-5xx", "mail server: 550 to everybody", partial(behave, act="5xx")),
    Fault(
        "smtp-dies",
        "mail server: dies after the final dot, before the 250",
        partial(behave, act="die_after_dot"),
        in_tests=True,
    ),
)
