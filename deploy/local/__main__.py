"""Run Prereview on this machine: `python -m deploy.local serve|down|migrate|rebuild|tools`."""

import os
import sys
from collections.abc import Callable

from deploy.local.console import say
from deploy.local.errors import CannotStart
from deploy.local.options import Options


def serve(options: Options) -> None:
    from deploy.local import system  # noqa: PLC0415 - the others start faster without it

    system.serve(options)


def down(options: Options) -> None:
    from deploy.local.lock import stop_running  # noqa: PLC0415

    say("Stopped." if stop_running(options.data) else "Nothing is running.")


def migrate(options: Options) -> None:
    from deploy.local import database  # noqa: PLC0415

    database.migrate(options)


def rebuild(options: Options) -> None:
    from deploy.local import database  # noqa: PLC0415

    database.rebuild(options)


def tools(options: Options) -> None:
    """Install what running and testing need beyond Python packages."""
    from deploy.local.files import data_folder  # noqa: PLC0415
    from deploy.local.logs import fresh_log  # noqa: PLC0415
    from deploy.local.packages import ensure_chromium, ensure_rabbitmq  # noqa: PLC0415

    data_folder(options.data)
    log = fresh_log(options.data / "log", "install")
    if not options.amqp_url:
        ensure_rabbitmq(say, log)
    ensure_chromium(say, log)


COMMANDS: dict[str, Callable[[Options], None]] = {
    "serve": serve,
    "down": down,
    "migrate": migrate,
    "rebuild": rebuild,
    "tools": tools,
}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        sys.stderr.write(f"usage: python -m deploy.local {{{','.join(COMMANDS)}}}\n")
        return 2
    try:
        COMMANDS[arguments[0]](Options.read(os.environ))
    except CannotStart as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
