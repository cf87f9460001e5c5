"""Debian's packages without an administrator: unpacked into a folder of ours, nothing installed.

apt itself chooses, fetches and verifies, with lists and archives of its own. Also a program, for
`deploy/setup.sh`: `python3 -m deploy.local.unpacking PACKAGE` prints the folder. It needs Python
and nothing else.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local.apt import PAUSE, Say, apt_get
from deploy.local.errors import CannotStart

TOOLS = Path(__file__).resolve().parents[2] / ".tools"
LAUNCHERS = Path(__file__).resolve().parent / "launchers"
STATUS = Path("/var/lib/dpkg/status")  # what is installed, and so need not be unpacked
# Programs and libraries of two C libraries don't go together: the machine's is the one.
NEVER = ("libc6_", "libc-bin_")
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <dir prefix="xdg">fonts</dir>
  <include ignore_missing="yes">conf.d</include>
  <cachedir prefix="relative">cache</cachedir>
</fontconfig>
"""


def tools_folder() -> Path:
    """`TOOLS`, made where it is missing; raises `CannotStart` where that can't be done."""
    try:
        TOOLS.mkdir(exist_ok=True)
    except OSError as reason:
        raise CannotStart(f"No folder can be made at {TOOLS} ({reason.strerror}).") from None
    return TOOLS


def unpacked(package: str) -> Path | None:
    """The folder `package` has been unpacked to."""
    folder = TOOLS / package
    return folder if folder.exists() else None


def launcher(package: str, program: str) -> Path | None:
    """What starts a program of an unpacked package."""
    folder = unpacked(package)
    return folder / "launchers" / program if folder else None


def can_unpack() -> bool:
    return all(map(shutil.which, ("apt-get", "dpkg-deb"))) and STATUS.exists()


def unpack(package: str, say: Say, log: Path) -> Path:
    """Fetch a package and all it needs beyond what is installed here, and unpack them together.

    Two that want the same wait for each other; one that was interrupted is begun anew.

    Raises:
        CannotStart: apt could not have it; the message names `log`.
    """
    if any(character.isspace() for character in str(TOOLS)):  # the scripts of RabbitMQ don't quote
        raise CannotStart(f"What is unpacked runs below no path with a space, as {TOOLS} is one.")
    try:
        with _one_at_a_time():
            return unpacked(package) or _unpack(package, say, log)
    except (OSError, subprocess.SubprocessError) as reason:
        raise CannotStart(f"{package} could not be unpacked ({reason}): see {log}.") from None


def _unpack(package: str, say: Say, log: Path) -> Path:
    say(f"{package} … is missing: fetching it with apt-get into {TOOLS}, once")
    fresh = TOOLS / f"{package}.new"
    _fill(fresh, _download(package, say, log), say)
    shutil.rmtree(TOOLS / "apt" / "archives", ignore_errors=True)
    return fresh.rename(TOOLS / package)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (tools_folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(package: str, say: Say, log: Path) -> list[Path]:
    """The archives of a package and of what it needs, verified by apt against its signed lists."""
    state = TOOLS / "apt"
    archives = state / "archives"
    shutil.rmtree(archives, ignore_errors=True)  # apt would trust the size of what lies there
    for folder in (state / "lists" / "partial", archives / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(STATUS, state / "status")  # apt's locks are made beside it
    options = _options(state)
    install = [*options, "install", "--download-only", "--yes", "--no-install-recommends", package]
    with log.open("ab") as output:
        if not apt_get(install, output, say):  # no lists yet, or old ones
            # It fails when one source of several does; the others may have the package.
            apt_get([*options, "update"], output, say)
            if not apt_get(install, output, say):
                raise CannotStart(f"apt-get could not fetch {package}: see {log}.")
    return [deb for deb in sorted(archives.glob("*.deb")) if not deb.name.startswith(NEVER)]


def _options(state: Path) -> list[str]:
    """Everything apt writes is in `state`; sources, keys and proxies are the system's."""
    chosen: dict[str, Path | str] = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state,
        "Dir::Cache::archives": state / "archives",
        "Acquire::Languages": "none",
    }
    if os.geteuid() == 0:  # apt's own user could not get into our folder
        chosen["APT::Sandbox::User"] = "root"
    return [word for name, value in chosen.items() for word in ("-o", f"{name}={value}")]


def _fill(folder: Path, archives: Sequence[Path], say: Say) -> None:
    """Unpack all into one folder, beside its final place."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    said = time.monotonic()
    for number, archive in enumerate(archives, 1):
        subprocess.run(["dpkg-deb", "-x", archive, folder], check=True, timeout=300)  # noqa: S603, S607
        if time.monotonic() - said > PAUSE:
            say(f"  {number} of {len(archives)} packages unpacked")
            said = time.monotonic()
    _turn_links(folder)
    (folder / "fonts.conf").write_text(FONTS, "utf-8")
    # Relative to the folder by its name: a script finds what was unpacked beside it.
    (folder / "launchers").symlink_to(os.path.relpath(LAUNCHERS, folder))


def _turn_links(folder: Path) -> None:
    """Let links to absolute paths lead to what was unpacked there."""
    for link in folder.rglob("*"):
        if link.is_symlink() and (target := link.readlink()).is_absolute():
            inside = folder / target.relative_to("/")
            if inside.exists() or inside.is_symlink():
                link.unlink()
                link.symlink_to(os.path.relpath(inside, link.parent))


def main(package: str) -> int:
    try:
        if not can_unpack():
            return 1
        log = tools_folder() / "log"
        folder = unpack(package, lambda line: print(line, file=sys.stderr), log)
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 1
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
