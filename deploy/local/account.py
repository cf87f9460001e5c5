"""As whom Postgres runs: it refuses root."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from deploy.local.errors import CannotStart

# Enough to enter folders below one that is closed to others, such as /root. access(2) looks at the
# real user and would not count the capability: hence the secure bit.
_ENTER = ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
_ENTER += ["--bounding-set=-all,+dac_override", "--securebits=+no_setuid_fixup"]


def identity(folder: Path, program: Path) -> list[str]:
    """Options of setpriv(1) with which `program` may run and own `folder`; none if we aren't root.

    Raises:
        CannotStart: we are root and the other user can't get there.
    """
    if os.geteuid() != 0:
        return []
    owner = folder.stat().st_uid
    user = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    _hand_over(folder, user)
    plain = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    for options in (plain, plain + _ENTER):
        if _can_use(options, folder, program):
            return options
    raise CannotStart(
        f"As root, Postgres runs as the user {user.pw_name}, who may not enter {folder}: set "
        "PREREVIEW_DATA to a folder others may enter, or start Prereview as an ordinary user."
    )


def _hand_over(folder: Path, user: pwd.struct_passwd) -> None:
    if folder.stat().st_uid != user.pw_uid:
        os.chown(folder, user.pw_uid, user.pw_gid)


def _can_use(options: list[str], folder: Path, program: Path) -> bool:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return False
    # The program looks itself up by its full path; running is not enough.
    script = '"$0" --version && test -x "$0" && cd "$1"'
    command = [setpriv, *options, "/bin/sh", "-c", script, str(program), str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
