"""The database of this machine's installation, for work that needs nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local import prepare
from deploy.local.console import say, step
from deploy.local.credentials import Credentials, open_credentials
from deploy.local.files import data_folder
from deploy.local.given import blaming_database, check_database
from deploy.local.lock import only_one, running_pid
from deploy.local.options import Options
from deploy.local.ports import chosen_ports
from deploy.local.postgres import Postgres, forget_variables
from deploy.local.servers import private_postgres


@contextmanager
def database_url(options: Options) -> Iterator[str]:
    """An administrator's URL: the one given, the running system's, or of a server for this time."""
    if options.database_url:
        check_database(options)
        yield options.database_url
        return
    forget_variables()
    if running_pid(options.data) is not None:
        port = chosen_ports(options.data / "ports.json")["postgres"]
        yield Postgres(options.data / "postgres", port).url
    else:
        data_folder(options.data)
        with only_one(options.data), private_postgres(options.data) as server:
            yield server.url


def migrate(options: Options) -> None:
    with database_url(options) as url, blaming_database(options):
        _migrate(options, url, _credentials(options))


def rebuild(options: Options) -> None:
    """Build the read tables anew; what runs goes on serving."""
    credentials = _credentials(options)
    with database_url(options) as url, blaming_database(options):
        _migrate(options, url, credentials)
        prepare.rebuild(url, credentials.postgres)
    say("Rebuilt.")


def _migrate(options: Options, url: str, credentials: Credentials) -> None:
    passwords, ours = credentials.postgres, not options.database_url
    step("Roles … created", lambda: prepare.create_roles(url, passwords, ours=ours))
    step("Schemas … migrated", lambda: prepare.migrate(url, passwords))


def _credentials(options: Options) -> Credentials:
    data_folder(options.data)
    return open_credentials(options.data / "secrets")
