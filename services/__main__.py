"""Run one service: `python -m services files`. Its settings come from the environment."""

import gc
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from shared.errors import MISCONFIGURED, Misconfigured
from shared.settings import PREFIX, Settings
from shared.web.server import check_host, serve

SERVICES = ("auth", "files", "checker", "notifier", "reports", "gateway")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in SERVICES:
        sys.stderr.write(f"usage: python -m services {{{','.join(SERVICES)}}}\n")
        return 2
    return run(arguments[0])


def run(service: str, **values: Any) -> int:
    """Serve until SIGTERM and return the exit code; `values` go before what variables say."""
    try:
        settings = _settings(service, values)
        app = import_module(f"services.{service}.main").create_app(settings)
    except Misconfigured as reason:
        sys.stderr.write(f"{reason}\n")
        return MISCONFIGURED
    _tune_garbage_collector()
    serve(app, settings.host, settings.port)
    return 0


def _tune_garbage_collector() -> None:
    """What is there now stays, and little of what comes needs the collector: counting frees it.

    Reading a result and writing its messages took a quarter less.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def check(service: str, **values: Any) -> None:
    """Raises `Misconfigured` for settings with which `run` would not serve."""
    _settings(service, values)


def _settings(service: str, values: Mapping[str, Any]) -> Settings:
    try:
        made: Settings = import_module(f"services.{service}.settings").Settings(**values)
    except ValidationError as error:
        raise Misconfigured("\n".join(_setting_errors(error))) from None
    check_host(made.host)
    return made


def _setting_errors(error: ValidationError) -> list[str]:
    """A line for each setting, without its value, which may be a secret."""
    return [
        f"{PREFIX}{'.'.join(map(str, one['loc'])).upper()}: "
        f"{one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_input=False, include_url=False)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
