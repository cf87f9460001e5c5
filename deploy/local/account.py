"""As whom Postgres runs: it refuses root, and what it keeps is for no other program's eyes."""

import fcntl
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import CannotStart

# An account of its own: programs of `nobody` could read the files of another one of `nobody`, and
# trace it. It needs a name, which initdb looks up.
ACCOUNT = "prereview-postgres"
_ADD = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
_ADD += ["--shell", "/usr/sbin/nologin", ACCOUNT]
# Enough to enter folders below one that is closed to others, such as /root. access(2) looks at the
# real user and would not count the capability: hence the secure bit.
_ENTER = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
_ENTER += ["--bounding-set=-all,+dac_read_search", "--securebits=+no_setuid_fixup"]


def identity(folder: Path, program: Path) -> list[str]:
    """Options of setpriv(1) with which `program` may run and own `folder`; none if we aren't root.

    Raises:
        CannotStart: we are root and the other user can't be made or can't get there.
    """
    if os.geteuid() != 0:
        return []
    user = _owner(folder)
    _hand_over(folder, user)
    _let_pass(folder.parent, user)
    plain = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    for options in (plain, plain + _ENTER):
        if _can_use(options, folder, program):
            return options
    raise CannotStart(
        f"As root, Postgres runs as the user {user.pw_name}, who may not enter {folder}: set "
        "PREREVIEW_DATA to a folder others may enter, or start Prereview as an ordinary user."
    )


def _owner(folder: Path) -> pwd.struct_passwd:
    """The ordinary user who has used this folder before root did, or the account for root's."""
    owner = folder.stat().st_uid
    if owner not in {0, pwd.getpwnam("nobody").pw_uid}:  # earlier versions ran it as nobody
        return pwd.getpwuid(owner)
    with _one_at_a_time():
        return _find_account() or _make_account()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Of starts at once each would make an account, and some would use one that is replaced."""
    folder = os.open("/etc", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _find_account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def _make_account() -> pwd.struct_passwd:
    program = shutil.which(_ADD[0], path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if program is not None:
        subprocess.run([program, *_ADD[1:]], capture_output=True, check=False)  # noqa: S603
    if (made := _find_account()) is None:
        raise CannotStart(
            f"As root, Postgres runs as the user {ACCOUNT}, whom useradd could not make: make that "
            "system user, or start Prereview as an ordinary user."
        )
    return made


def _hand_over(folder: Path, user: pwd.struct_passwd) -> None:
    if folder.stat().st_uid == user.pw_uid:
        return
    for _, folders, files, descriptor in os.fwalk(folder):  # follows no links
        for name in (*folders, *files):
            os.chown(name, user.pw_uid, user.pw_gid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(folder, user.pw_uid, user.pw_gid)  # last: it says that all is done


def _let_pass(folder: Path, user: pwd.struct_passwd) -> None:
    """Let this user's group pass through a folder that is closed to all but root."""
    status = folder.stat()
    if status.st_uid == status.st_gid == 0 and not status.st_mode & 0o067:
        os.chown(folder, -1, user.pw_gid)
        folder.chmod(0o710)


def _can_use(options: list[str], folder: Path, program: Path) -> bool:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return False
    # The program looks itself up by its full path; running is not enough.
    script = '"$0" --version && test -x "$0" && cd "$1"'
    command = [setpriv, *options, "/bin/sh", "-c", script, str(program), str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
