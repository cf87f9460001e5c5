"""Another user of the machine finds no secret of what root serves."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import asyncpg
import pytest
from aiormq.exceptions import ProbableAuthenticationError

from deploy.local.ports import chosen_ports
from deploy.rabbitmq.definitions import VHOST
from services.checker.sandbox.isolation import OWN_USER
from tests.support.processes import descendants
from tests.support.product import Product, running_product

NOBODY = 65_534
ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def served() -> Iterator[Product]:
    """A product whose data are in a folder that others may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        _leave_data_of_an_earlier_version(Path(folder) / "data")
        with running_product(Path(folder)) as running:
            yield running


def _leave_data_of_an_earlier_version(data: Path) -> None:
    """Folders anybody may list, and a Postgres that belongs to nobody."""
    for folder in (data, data / "secrets", data / "log", data / "mailbox", data / "postgres"):
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
    (data / "mailbox" / f"{1:016x}.eml").write_text("Subject: your link\r\n\r\nhttp://…\r\n")
    if ROOT:
        os.chown(data / "postgres", NOBODY, NOBODY)


def secrets_of(data: Path) -> set[bytes]:
    files = [*(data / "secrets").glob("*.pem"), data / "postgres/password"]
    found = {file.read_bytes().strip() for file in [*files, data / "rabbitmq/.erlang.cookie"]}
    return found | {
        v.encode() for v in json.loads((data / "secrets/passwords.json").read_text()).values()
    }


def as_user(uid: int, *command: str) -> bytes:
    """What the command says as a user of that number; as ourselves where we can't be another."""
    setpriv = shutil.which("setpriv")
    become = (
        [setpriv, f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if setpriv and ROOT else []
    )
    return subprocess.run([*become, *command], capture_output=True, check=False, cwd="/").stdout


@pytest.mark.parametrize("uid", [NOBODY, OWN_USER])
def test_nothing_below_the_data_folder_is_read_or_listed(served: Product, uid: int) -> None:
    data = served.folder / "data"
    everything = {path for path in data.rglob("*") if path.is_file()}
    assert len(everything) > 1000
    if ROOT:
        listed = as_user(uid, "find", str(data), "-mindepth", "1")
        opened = as_user(uid, "sh", "-c", 'cat "$@"', "sh", *map(str, sorted(everything)[:2000]))
        assert (listed, opened) == (b"", b"")
    modes = {path: path.stat() for path in (data, *data.iterdir()) if path.is_dir()}
    assert not [path for path, status in modes.items() if status.st_mode & 0o007]


def test_no_program_of_ours_runs_as_a_user_of_others(served: Product) -> None:
    users = {Path(f"/proc/{pid}").stat().st_uid for pid in descendants(served.supervisor)}
    assert NOBODY not in users
    assert users == {os.geteuid()} or ROOT


@pytest.mark.parametrize("uid", [NOBODY, OWN_USER])
def test_no_secret_stands_where_the_kernel_shows_processes(served: Product, uid: int) -> None:
    secrets = secrets_of(served.folder / "data")
    assert len(secrets) > 20
    shown = as_user(uid, "sh", "-c", "cat /proc/[0-9]*/cmdline")
    if ROOT:
        shown += as_user(uid, "sh", "-c", "cat /proc/[0-9]*/environ /proc/[0-9]*/maps")
    assert b"postgres" in shown
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize("user", ["postgres", "prereview_auth", "prereview_auth_owner"])
@pytest.mark.parametrize("database", ["postgres", "prereview"])
async def test_postgres_lets_nobody_in_without_a_password(
    served: Product, user: str, database: str
) -> None:
    port = chosen_ports(served.folder / "data/ports.json")["postgres"]
    for password in ("", "postgres", user):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host="127.0.0.1", port=port, user=user, database=database, password=password,
                passfile=os.devnull,
            )  # fmt: skip


def test_the_servers_listen_on_loopback_and_on_no_socket_file(served: Product) -> None:
    ports = chosen_ports(served.folder / "data/ports.json")
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    for name in ("postgres", "rabbitmq", "erlang"):
        found = [line.split()[1] for line in listening.splitlines() if _listens(line, ports[name])]
        assert found == [f"0100007F:{ports[name]:04X}"], name
    assert f".s.PGSQL.{ports['postgres']}" not in Path("/proc/net/unix").read_text()


def _listens(line: str, port: int) -> bool:
    return f":{port:04X} " in line[:22] + " " and line.split()[3] == "0A"


@pytest.mark.parametrize("vhost", ["", VHOST])
async def test_the_broker_knows_no_guest(served: Product, vhost: str) -> None:
    port = chosen_ports(served.folder / "data/ports.json")["rabbitmq"]
    with pytest.raises(ProbableAuthenticationError):
        await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{port}/{vhost}")


def test_the_checker_tells_once_how_ruff_is_isolated(served: Product) -> None:
    lines = (served.folder / "data/log/checker.log").read_text().splitlines()
    told = [json.loads(line) for line in lines if '"ruff_isolation"' in line]
    assert len(told) == 1
    assert told[0].keys() >= {"network", "user", "filesystem"}
    assert not ROOT or (told[0]["network"], told[0]["user"]) == ("none", "own")
