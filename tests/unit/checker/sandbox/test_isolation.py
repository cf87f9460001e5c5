"""What an isolated program can't do; an intruder takes the place of ruff."""

import ctypes
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.checker.linting.ruff import Ruff, RuffResult
from services.checker.rules import STANDARD
from services.checker.sandbox.detection import NoIsolation, find_isolation
from services.checker.sandbox.isolation import LIBRARIES, OWN_USER, Isolation
from services.checker.sandbox.launcher import Launcher
from services.checker.sandbox.limited_process import ProcessLimits, run_limited
from tests.support import intruder

# One whose own files other users may read, where there is one.
SYSTEMS = Path("/usr/bin/python3")
INTERPRETER = (SYSTEMS if SYSTEMS.exists() else Path(sys.executable)).resolve()
PYTHON: list[str | Path] = [INTERPRETER, "-I", "-S", "-c"]
INTRUDER = Path(intruder.__file__).read_text()
LINUX = sys.platform == "linux"
ROOT = LINUX and os.geteuid() == 0
ALL = Isolation(network=False, user=OWN_USER, filesystem=False)
pytestmark = pytest.mark.programs


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if LINUX else None) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def found(open_folder: Path) -> Isolation:
    """What this system claims to hold for ruff, with Python's own files for the intruder."""
    found = Ruff(work_dir=open_folder).isolated("auto").isolation
    return replace(found, libraries=(*LIBRARIES, str(INTERPRETER.parents[1] / "lib")))


@pytest_asyncio.fixture(params=["alone", "by the launcher"])
async def launcher(request: pytest.FixtureRequest) -> AsyncIterator[Launcher | None]:
    """Both ways of starting a program."""
    launcher = None if request.param == "alone" else Launcher()
    yield launcher
    if launcher:
        await launcher.close()


async def intrude(
    isolation: Isolation,
    parent: Path,
    monkeypatch: pytest.MonkeyPatch,
    launcher: Launcher | None,
) -> Any:
    monkeypatch.setenv("PREREVIEW_SECRET", "of the checker")
    secret, folder = parent / "secret", parent / "work"
    folder.mkdir(mode=0o700)
    (folder / "0001.py").write_text("x = 1\n")
    secret.touch(mode=0o600)
    output, errors = bytearray(), bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:
        end = await run_limited(
            [*PYTHON, INTRUDER, str(server.getsockname()[1]), str(secret), str(os.getpid())],
            folder=folder,
            env={},
            limits=ProcessLimits(),
            isolation=isolation,
            launcher=launcher,
            seconds=20,
            read_out=output.extend,
            read_err=errors.extend,
        )
    assert end.code == 0, errors.decode()
    return json.loads(output)


async def test_without_isolation_the_intruder_gets_everything_but_the_environment(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, launcher: Launcher | None
) -> None:
    seen = await intrude(Isolation(), open_folder, monkeypatch, launcher)
    assert all(seen["network"].values())
    files = seen["filesystem"]
    assert all(could for name, could in files.items() if LINUX or "environment" not in name)
    assert "PREREVIEW_SECRET" not in seen["environment"]
    assert seen["no new privileges"] == LINUX


@pytest.mark.parametrize("alone", ["network", "filesystem", "user", "all"])
async def test_each_part_of_the_isolation_holds_alone_and_together(
    alone: str,
    found: Isolation,
    open_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    launcher: Launcher | None,
) -> None:
    parts: Any = {alone: getattr(found, alone)} if alone != "all" else {}
    isolation = replace(Isolation(libraries=found.libraries), **parts) if parts else found
    seen = await intrude(isolation, open_folder, monkeypatch, launcher)
    assert seen["its folder"]
    assert "PREREVIEW_SECRET" not in seen["environment"]
    if not isolation.network:
        assert not any(seen["network"].values())
    if not isolation.filesystem:
        assert not any(seen["filesystem"].values())
    if isolation.user is not None:
        assert seen["ids"] == [OWN_USER] * 6
    if isolation.user is not None or not isolation.filesystem:
        assert not seen["secret"]
        assert seen["no new privileges"]


def test_root_on_linux_has_all_but_perhaps_landlock(found: Isolation) -> None:
    assert not ROOT or (found.network, found.user) == (False, OWN_USER)


def test_landlock_is_used_where_the_kernel_has_it(found: Isolation) -> None:
    version = ctypes.CDLL(None).syscall(444, None, 0, 1) if LINUX else -1
    assert found.filesystem == (version < 1)


async def test_ruff_finds_the_same_in_isolation(
    open_folder: Path, launcher: Launcher | None
) -> None:
    contents = {name: f"import {name}\nx = undefined\n".encode() for name in ("os", "re", "ast")}
    plain = Ruff(work_dir=open_folder)
    isolated = replace(plain.isolated("auto"), launcher=launcher)
    found = await isolated.check(contents, STANDARD)
    assert found == await plain.check(contents, STANDARD)
    assert all(isinstance(result, RuffResult) for result in found.values())
    assert list(open_folder.iterdir()) == []


@pytest.mark.parametrize("isolation", [replace(ALL, libraries=()), replace(ALL, user=1 << 40)])
async def test_a_ruff_that_can_not_be_started_is_no_files_fault(
    isolation: Isolation, open_folder: Path, launcher: Launcher | None
) -> None:
    ruff = Ruff(work_dir=open_folder, isolation=isolation, launcher=launcher)
    with pytest.raises((OSError, OverflowError)):
        await ruff.check({"a": b"import os\n"}, STANDARD)
    assert list(open_folder.iterdir()) == []


def test_a_user_who_may_not_enter_the_folder_is_not_claimed(open_folder: Path) -> None:
    open_folder.chmod(0o700)
    assert Ruff(work_dir=open_folder).isolated("auto").isolation.user is None


def test_off_tries_nothing(open_folder: Path) -> None:
    def works(_: Isolation) -> bool:
        raise AssertionError("a trial")

    assert find_isolation("off", ["ruff"], open_folder, works=works) == Isolation()


@pytest.mark.parametrize(
    ("there", "enough"),
    [
        (set(), False),
        ({"network"}, False),
        ({"filesystem", "user"}, False),
        ({"network", "filesystem"}, True),
        ({"network", "user"}, True),
    ],
)
def test_required_refuses_to_start_without(
    there: set[str], enough: bool, open_folder: Path
) -> None:
    def works(isolation: Isolation) -> bool:
        plain = Isolation()
        tried = {
            n for n in ("network", "filesystem", "user") if vars(isolation)[n] != vars(plain)[n]
        }
        return tried <= there

    if enough:
        find_isolation("required", ["ruff"], open_folder, works=works)
        return
    with pytest.raises(NoIsolation, match="PREREVIEW_RUFF_ISOLATION"):
        find_isolation("required", ["ruff"], open_folder, works=works)
