"""Which rights a program has while it runs, and the command line that limits them."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# A user id in the range that neither Debian's policy nor systemd assigns, and below 65536, as a
# container may map no others. It needs no account.
OWN_USER = 65_529
# Folders of shared libraries. The loader finds the rest without its cache in /etc.
LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
LAUNCH_COMMAND = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]


@dataclass(frozen=True)
class Isolation:
    """The rights of a program that is run with it.

    `network`: it may open sockets. `user`: the id of a user of its own, None for that of the
    checker. `filesystem`: it may read more than its folder, itself, and `libraries`.
    """

    network: bool = True
    user: int | None = None
    filesystem: bool = True
    libraries: Sequence[str] = LIBRARIES

    def command_line(
        self,
        command: Sequence[str | Path],
        folder: Path,
        *,
        limits: Mapping[str, int],
        started: int,
    ) -> list[str]:
        """The command line that starts `command` with this isolation, to be run in `folder`.

        Exactly `1` on the descriptor `started` means that it was started.
        """
        return [
            *LAUNCH_COMMAND,
            f"started={started}",
            *self.launch_arguments(command, folder, limits),
        ]

    def launch_arguments(
        self, command: Sequence[str | Path], folder: Path, limits: Mapping[str, int]
    ) -> list[str]:
        """Arguments of `launch.py`, all but `started`; limits have the names of setrlimit(2)."""
        arguments = [f"limit={name}:{most}" for name, most in limits.items()]
        if self.user is not None:
            arguments.append(f"user={self.user}:{self.user}")
        if not self.network:
            arguments.append("network=none")
        if not self.filesystem:
            arguments += [f"readable={path}" for path in (*self.libraries, folder)]
        return [*arguments, "--", *map(str, command)]

    def own(self, folder: Path) -> None:
        """Make the program's user the owner of the folder and of the files in it."""
        if self.user is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, self.user, self.user)

    def report(self) -> dict[str, str]:
        """The isolation in words, for the log."""
        return {
            "network": "shared" if self.network else "none",
            "user": "shared" if self.user is None else "own",
            "filesystem": "shared" if self.filesystem else "private",
        }
