"""Run Prereview on this machine: `python -m deploy.local serve|down|migrate|rebuild|tools`."""

import os
import sys
from collections.abc import Callable, Mapping

from deploy.local.console import say
from deploy.local.errors import CannotStart
from deploy.local.options import Options, read_data
from shared.errors import Misconfigured

Environment = Mapping[str, str]
INTERRUPTED = 130  # what a shell tells of a program that Ctrl-C ended


def serve(environment: Environment) -> None:
    from deploy.local import system  # noqa: PLC0415 - the others start faster without it

    system.serve(Options.read(environment))


def down(environment: Environment) -> None:
    """Whatever else is set: what runs can be stopped."""
    from deploy.local.lock import stop_running  # noqa: PLC0415

    say("Stopped." if stop_running(read_data(environment)) else "Nothing is running.")


def migrate(environment: Environment) -> None:
    from deploy.local import database  # noqa: PLC0415

    database.migrate(Options.read(environment))


def rebuild(environment: Environment) -> None:
    from deploy.local import database  # noqa: PLC0415

    database.rebuild(Options.read(environment))


def tools(_environment: Environment) -> None:
    """Install what testing needs beyond Python packages, whatever is set for running."""
    from deploy.local.fonts import ensure_fonts  # noqa: PLC0415
    from deploy.local.packages import ensure_chromium, ensure_rabbitmq  # noqa: PLC0415
    from deploy.local.supervisor import stopping_on_signals  # noqa: PLC0415
    from deploy.local.unpacking import tools_folder  # noqa: PLC0415

    log = tools_folder() / "log"
    with stopping_on_signals():
        ensure_rabbitmq(say, log)
        ensure_chromium(say, log)
        ensure_fonts(say, log)


COMMANDS: dict[str, Callable[[Environment], None]] = {
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
        COMMANDS[arguments[0]](os.environ)
    except (CannotStart, Misconfigured) as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    except PermissionError as refused:
        if refused.filename is None:
            raise
        sys.stderr.write(
            f"You may not use {refused.filename}. If it is another user's, take it over with "
            "chown, or set PREREVIEW_DATA to a folder of yours.\n"
        )
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
