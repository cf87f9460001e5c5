"""Jobs of Docker Compose: `python -m deploy.prepare JOB`.

credentials  make passwords and keys on the first start, and hand each program its own
servers      lay roles, schemas and exchanges, and bring all schemas to today's version
rebuild      build the read tables anew, while they serve

The first two run before the services. Each may run again at any time.
"""

import json
import secrets
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from deploy.local.credentials import SERVICES, Credentials, open_credentials
from deploy.local.errors import CannotStart
from deploy.local.files import write_text
from deploy.local.prepare import create_roles, declare_exchanges, migrate, rebuild
from deploy.postgres.provision import role_url
from deploy.rabbitmq.definitions import ADMINISTRATOR, VHOST, definitions
from deploy.rabbitmq.definitions import SERVICES as STATEFUL
from shared.errors import Misconfigured

FOLDER = Path("/secrets")  # a volume for each program, and `kept`, which only these jobs mount
READABLE = 0o444  # programs run as different users; who may read is decided by who mounts
POSTGRES = "postgres:5432"
RABBITMQ = "rabbitmq:5672"


def hand_out(folder: Path) -> None:
    """Write what each program may know to the folder named after it."""
    for program, files in handouts(folder / "kept").items():
        for name, text in files.items():
            write_text(folder / program / name, text, READABLE)


def handouts(kept: Path) -> dict[str, dict[str, str]]:
    """Program → file → text; what is missing in `kept` is made."""
    made = open_credentials(kept)
    jwks = made.jwks_file.read_text("utf-8")
    given = {
        service: {"signing_key": made.signing_key(service), "jwks.json": jwks}
        for service in SERVICES
    }
    for service in STATEFUL:
        role = f"prereview_{service}"
        database_url = role_url(_admin_url(kept), role, made.postgres[role])
        given[service] |= {"database_url": database_url, "amqp_url": _amqp_url(made, role)}
    given["auth"]["password_pepper"] = made.pepper
    given["postgres"] = {"password": _admin_password(kept)}
    given["rabbitmq"] = {"definitions.json": json.dumps(definitions(made.rabbitmq))}
    return given


def prepare_servers(kept: Path) -> None:
    made, admin_url = open_credentials(kept), _admin_url(kept)
    create_roles(admin_url, made.postgres, ours=True)
    migrate(admin_url, made.postgres)
    declare_exchanges(_amqp_url(made, ADMINISTRATOR))


def rebuild_read_tables(kept: Path) -> None:
    rebuild(_admin_url(kept), open_credentials(kept).postgres)


def _admin_password(kept: Path) -> str:
    file = kept / "postgres_password"
    if not file.exists():
        write_text(file, secrets.token_urlsafe(24))
    return file.read_text("utf-8")


def _admin_url(kept: Path) -> str:
    return f"postgresql://postgres:{_admin_password(kept)}@{POSTGRES}/postgres"


def _amqp_url(made: Credentials, user: str) -> str:
    return f"amqp://{user}:{made.rabbitmq[user]}@{RABBITMQ}/{VHOST}"


JOBS: dict[str, Callable[[], None]] = {
    "credentials": partial(hand_out, FOLDER),
    "servers": partial(prepare_servers, FOLDER / "kept"),
    "rebuild": partial(rebuild_read_tables, FOLDER / "kept"),
}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in JOBS:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        JOBS[arguments[0]]()
    except (CannotStart, Misconfigured) as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
