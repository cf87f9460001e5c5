"""Packages without an administrator: real apt, real archives, a repository of the test's own."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.local import unpacking
from deploy.local.errors import CannotStart
from deploy.local.unpacking import unpack, unpacked

pytestmark = pytest.mark.skipif(not unpacking.can_unpack(), reason="only where there is apt")

CONTROL = """\
Package: {name}
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: for a test
"""


class Repository:
    """A folder that apt takes packages from."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._index = folder, ""
        (folder / "dists").mkdir(parents=True)

    def add(self, name: str, files: dict[str, str], depends: str = "") -> Path:
        """Build a package; of a file `a -> /b` a link is made."""
        root = self.folder / "build" / name
        control = CONTROL.format(name=name) + (f"Depends: {depends}\n" if depends else "")
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN" / "control").write_text(control)
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if content.startswith("-> "):
                file.symlink_to(content.removeprefix("-> "))
            else:
                file.write_text(content)
        archive = self.folder / f"{name}_1.0_all.deb"
        build: list[str | Path] = ["dpkg-deb", "--root-owner-group", "--build", root, archive]
        subprocess.run(build, check=True, capture_output=True)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        self._index += f"{control}Filename: ./{archive.name}\nSize: {archive.stat().st_size}\n"
        self._index += f"SHA256: {digest}\n\n"
        (self.folder / "Packages").write_text(self._index)
        return archive


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(tmp_path / "repository")
    sources = tmp_path / "sources.list"
    sources.write_text(f"deb [trusted=yes] copy:{made.folder} ./\n")
    configuration = tmp_path / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::SourceList "{sources}";\nDir::Etc::SourceParts "/dev/null";\n'
        'Dir::Etc::Parts "/dev/null";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    monkeypatch.setattr(unpacking, "TOOLS", tmp_path / "tools")
    return made


def test_a_package_comes_with_what_it_needs(repository: Repository, tmp_path: Path) -> None:
    repository.add("prv-library", {"usr/lib/prv.so": "library", "etc/prv": "-> /usr/lib/prv.so"})
    repository.add("prv-program", {"usr/bin/prv": "program"}, depends="prv-library, dpkg")
    said: list[str] = []
    folder = unpack("prv-program", said.append, tmp_path / "log")
    assert (folder / "usr/bin/prv").read_text() == "program"
    assert (folder / "etc/prv").read_text() == "library"
    assert (folder / "launchers" / "erl").exists()
    assert len(said) == 1
    assert unpack("prv-program", said.append, tmp_path / "log") == folder
    assert len(said) == 1


def test_what_was_interrupted_begins_anew(repository: Repository, tmp_path: Path) -> None:
    repository.add("prv-program", {"usr/bin/prv": "program"})
    half = tmp_path / "tools" / "prv-program.new"
    (half / "usr/bin").mkdir(parents=True)
    (half / "usr/bin/old").touch()
    left = tmp_path / "tools" / "apt" / "archives" / "prv-program_1.0_all.deb"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert unpacked("prv-program") is None
    folder = unpack("prv-program", print, tmp_path / "log")
    assert [file.name for file in (folder / "usr/bin").iterdir()] == ["prv"]
    assert not half.exists()
    assert not left.exists()


def test_bytes_that_are_not_the_packages_are_refused(
    repository: Repository, tmp_path: Path
) -> None:
    archive = repository.add("prv-program", {"usr/bin/prv": "program"})
    changed = bytearray(archive.read_bytes())
    changed[-1] ^= 1
    archive.write_bytes(changed)
    with pytest.raises(CannotStart, match="could not fetch prv-program"):
        unpack("prv-program", print, tmp_path / "log")
    assert unpacked("prv-program") is None


def test_lists_that_nobody_signed_are_refused(repository: Repository, tmp_path: Path) -> None:
    repository.add("prv-program", {"usr/bin/prv": "program"})
    sources = tmp_path / "sources.list"
    sources.write_text(sources.read_text().replace("[trusted=yes] ", ""))
    with pytest.raises(CannotStart, match="could not fetch prv-program"):
        unpack("prv-program", print, tmp_path / "log")
    assert unpacked("prv-program") is None


def test_a_package_that_came_meanwhile_is_found_with_new_lists(
    repository: Repository, tmp_path: Path
) -> None:
    repository.add("prv-first", {"usr/first": ""})
    unpack("prv-first", print, tmp_path / "log")
    repository.add("prv-second", {"usr/second": ""})
    assert (unpack("prv-second", print, tmp_path / "log") / "usr/second").exists()


def test_the_system_is_left_as_it_was(repository: Repository, tmp_path: Path) -> None:
    repository.add("prv-program", {"usr/bin/prv": "program"})
    unpack("prv-program", print, tmp_path / "log")
    assert shutil.which("prv") is None
    assert "prv-program" not in unpacking.STATUS.read_text("utf-8")


def test_a_disk_that_takes_nothing_is_told(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    repository.add("prv-program", {"usr/bin/prv": "program"})
    monkeypatch.setattr(unpacking, "_fill", full)
    with pytest.raises(CannotStart, match="No space left on device"):
        unpack("prv-program", print, tmp_path / "log")


def test_the_launchers_can_be_run() -> None:
    names = {file.name for file in unpacking.LAUNCHERS.iterdir() if os.access(file, os.X_OK)}
    servers = {"rabbitmq-server", "rabbitmqctl", "redis-server"}
    assert names == {"erl", "chromium-headless-shell", *servers}


def test_a_path_with_a_space_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "TOOLS", tmp_path / "my projects" / "tools")
    with pytest.raises(CannotStart, match="no path with a space"):
        unpack("prv-program", print, tmp_path / "log")


def test_a_folder_that_can_not_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "TOOLS", Path("/proc/prereview"))
    with pytest.raises(CannotStart, match="No folder can be made"):
        unpack("prv-program", print, Path("/dev/null"))
