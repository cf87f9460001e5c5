"""Run one service: `python -m services files`. Its settings come from the environment."""

import sys
from importlib import import_module

from shared.web.server import serve

SERVICES = ("auth", "files", "checker", "notifier", "reports", "gateway")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in SERVICES:
        sys.stderr.write(f"usage: python -m services {{{','.join(SERVICES)}}}\n")
        return 2
    service = f"services.{arguments[0]}"
    settings = import_module(f"{service}.settings").Settings()
    serve(import_module(f"{service}.main").create_app(settings), settings.host, settings.port)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
