"""A private Postgres server, and what provisioning allows each role."""

import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Timer
from uuid import uuid4

import asyncpg
import pytest

from deploy.local.account import ACCOUNT, identity
from deploy.local.processes import started_at
from deploy.local.servers import private_postgres
from deploy.postgres.provision import ROLES, provision, role_url, with_database

ROOT = os.geteuid() == 0
PASSWORDS = {role: f"secret of {role} '\"%" for role in ROLES}


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_what_was_written_is_there_after_a_restart_below_a_closed_folder(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "as closed as a home, папка"
    closed.mkdir(mode=0o700)
    with private_postgres(closed) as server:
        first_url = server.url
        async with connected(server.url) as admin:
            await admin.execute("CREATE TABLE kept AS SELECT 'привет' AS word")
    with private_postgres(closed) as server:
        assert server.url == first_url
        async with connected(server.url) as admin:
            assert await admin.fetchval("SELECT word FROM kept") == "привет"
            assert await admin.fetchval("SHOW server_encoding") == "UTF8"
            assert await admin.fetchval("SELECT 'ё' > 'я' AND lower('Ё') = 'ё'")
            assert await admin.fetchval("SHOW listen_addresses") == "127.0.0.1"


async def test_the_files_of_a_server_that_ran_as_nobody_get_an_owner_of_their_own(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    before = (os.geteuid(), os.getegid())
    with private_postgres(data) as server:
        async with connected(server.url) as admin:
            await admin.execute("CREATE TABLE kept AS SELECT 1 AS id")
    if ROOT:
        subprocess.run(["chown", "-R", "65534:65534", data / "postgres"], check=True)
    outside = tmp_path / "outside"
    outside.touch()
    (data / "postgres" / "link").symlink_to(outside)
    with private_postgres(data) as server:
        async with connected(server.url) as admin:
            assert await admin.fetchval("SELECT id FROM kept") == 1
    owners = {path.lstat().st_uid for path in (data / "postgres").rglob("*")}
    assert owners == {pwd.getpwnam(ACCOUNT).pw_uid if ROOT else os.geteuid()}
    assert (outside.stat().st_uid, outside.stat().st_gid) == before
    assert data.stat().st_mode & 0o067 == 0


def test_the_server_gets_no_capability_where_its_group_may_pass() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        (data / "postgres").mkdir(parents=True)
        data.chmod(0o700)
        options = identity(data / "postgres", Path("/bin/true"))
        assert bool(options) == ROOT
        assert not [option for option in options if "cap" in option]
        closed = Path(folder) / "closed"
        closed.mkdir(mode=0o700)
        data.rename(closed / "data")
        options = identity(closed / "data/postgres", Path("/bin/true"))
        assert ("--ambient-caps=-all,+dac_read_search" in options) == ROOT


def test_a_dead_server_that_nobody_has_buried_yet_is_waited_for(tmp_path: Path) -> None:
    """Postgres takes the zombie for a server that lives."""
    with private_postgres(tmp_path):
        pass
    lock = tmp_path / "postgres" / "cluster" / "postmaster.pid"
    dead = subprocess.Popen(["true"], user=lock.parent.stat().st_uid)
    while started_at(dead.pid) is not None:
        time.sleep(0.01)
    lock.write_text(f"{dead.pid}\n{lock.parent}\n")
    burial = Timer(3.0, dead.wait)
    burial.start()
    with private_postgres(tmp_path) as server:
        assert server.url
    burial.join()


async def test_a_wrong_password_opens_nothing(postgres_url: str) -> None:
    wrong = role_url(postgres_url, "postgres", "wrong", "postgres")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[str]:
    """The administrator's URL of a provisioned database; its roles get their old password back."""
    name = f"provisioned_{uuid4().hex[:8]}"
    async with connected(postgres_url) as admin:
        before = {
            row["rolname"]: row["rolpassword"]
            for row in await admin.fetch("SELECT rolname, rolpassword FROM pg_authid")
        }
    await provision(postgres_url, PASSWORDS, name)
    yield with_database(postgres_url, name)
    async with connected(postgres_url) as admin:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        for role in ROLES:
            if verifier := before.get(role):
                await admin.execute(f"ALTER ROLE {role} PASSWORD '{verifier}'")


def as_role(database: str, role: str) -> str:
    return role_url(database, role, PASSWORDS[role], database.rpartition("/")[2])


async def test_the_login_role_uses_what_the_owner_makes(database: str) -> None:
    async with connected(as_role(database, "prereview_files_owner")) as owner:
        await owner.execute("CREATE TABLE note (id int GENERATED ALWAYS AS IDENTITY, t text)")
    async with connected(as_role(database, "prereview_files")) as login:
        await login.execute("INSERT INTO note (t) VALUES ('a')")
        assert await login.fetchval("SELECT t FROM files.note WHERE id = 1") == "a"
        for forbidden in (
            "DROP TABLE note",
            "TRUNCATE note",
            "CREATE TABLE files.mine (id int)",
            "CREATE TABLE public.mine (id int)",
            "CREATE SCHEMA mine",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await login.execute(forbidden)


async def test_a_foreign_schema_is_refused(database: str) -> None:
    async with connected(as_role(database, "prereview_files_owner")) as owner:
        await owner.execute("CREATE TABLE note (id int)")
    for role in ("prereview_auth", "prereview_auth_owner"):
        async with connected(as_role(database, role)) as foreign:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await foreign.fetch("SELECT * FROM files.note")


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_lays_temporary_tables(database: str, role: str) -> None:
    async with connected(as_role(database, role)) as anybody:
        for forbidden in ("CREATE TEMP TABLE mine (id int)", "CREATE TEMP VIEW mine AS SELECT 1"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await anybody.execute(forbidden)


async def test_on_a_server_of_our_own_no_other_database_lets_the_roles_in(tmp_path: Path) -> None:
    with private_postgres(tmp_path, fsync="off") as server:
        async with connected(server.url) as admin:
            await admin.execute('CREATE DATABASE "other ""one"""')
        await provision(server.url, PASSWORDS, whole_server=True)
        assert await _entered(server.url) == {(role, "prereview") for role in ROLES}


async def test_the_servers_log_tells_no_values_of_rows(tmp_path: Path) -> None:
    with private_postgres(tmp_path, fsync="off", log_min_messages="error") as server:
        async with connected(server.url) as admin:
            await admin.execute("CREATE TABLE people (email text UNIQUE)")
            for _ in range(2):
                with suppress(asyncpg.UniqueViolationError):
                    await admin.execute("INSERT INTO people VALUES ($1)", "ann@example.org")
        told = server.log.read_text("utf-8")
    assert "people_email_key" in told
    assert "ann@example.org" not in told


async def test_on_a_server_of_somebody_else_other_databases_stay_as_they_are(
    postgres_url: str, database: str
) -> None:
    async with connected(postgres_url) as admin:
        open_to_all = "SELECT has_database_privilege('public', 'postgres', 'CONNECT')"
        assert await admin.fetchval(open_to_all)


async def _entered(admin_url: str) -> set[tuple[str, str]]:
    """Each role with each database it gets into."""
    listed = "SELECT datname FROM pg_database WHERE datallowconn"
    async with connected(admin_url) as admin:
        names = [row["datname"] for row in await admin.fetch(listed)]
    assert len(names) > 3
    found = set()
    for role in ROLES:
        for name in names:
            try:
                async with connected(role_url(admin_url, role, PASSWORDS[role], name)):
                    found.add((role, name))
            except asyncpg.InsufficientPrivilegeError:
                pass
    return found


async def test_a_transaction_left_alone_ends_and_gives_its_locks_back(database: str) -> None:
    async with connected(as_role(database, "prereview_files")) as login:
        for setting in ("idle_in_transaction_session_timeout", "statement_timeout"):
            assert await login.fetchval(f"SHOW {setting}") == "1min"


async def test_the_owner_may_lay_a_schema_for_a_rebuild(database: str) -> None:
    async with connected(as_role(database, "prereview_files_owner")) as owner:
        await owner.execute("CREATE SCHEMA files_rebuild")
        await owner.execute("DROP SCHEMA files_rebuild")


async def test_provisioning_again_changes_nothing_but_the_passwords(database: str) -> None:
    async with connected(as_role(database, "prereview_files_owner")) as owner:
        await owner.execute("CREATE TABLE note AS SELECT 1 AS id")
    fresh = {role: f"new {role}" for role in ROLES}
    await provision(database, fresh, database.rpartition("/")[2])
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(as_role(database, "prereview_files"))
    url = role_url(
        database, "prereview_files", fresh["prereview_files"], database.rpartition("/")[2]
    )
    async with connected(url) as login:
        assert await login.fetchval("SELECT id FROM note") == 1
