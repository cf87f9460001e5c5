"""What a program is kept from while it runs."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# In the range that neither Debian's policy nor systemd gives to anybody, and below 65536, as a
# container may know no other numbers. It needs no account.
OWN_USER = 65_529
# What every program is linked with. The loader finds the rest without its cache in /etc.
LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
LAUNCH = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]


@dataclass(frozen=True)
class Isolation:
    """What holds for a program that is run with it.

    `network`: it has one. `user`: the number of a user of its own, None for ours. `filesystem`: it
    sees more than its folder, itself, and `libraries`.
    """

    network: bool = True
    user: int | None = None
    filesystem: bool = True
    libraries: Sequence[str] = LIBRARIES

    def launching(
        self,
        command: Sequence[str | Path],
        folder: Path,
        *,
        limits: Mapping[str, int],
        started: int,
    ) -> list[str]:
        """The command line that starts `command` with this isolation, to be run in `folder`.

        Exactly `1` on the descriptor `started` says that it was.
        """
        return [*LAUNCH, f"started={started}", *self.orders(command, folder, limits)]

    def orders(
        self, command: Sequence[str | Path], folder: Path, limits: Mapping[str, int]
    ) -> list[str]:
        """What `launch` is to do, but for `started`; `limits` are its own."""
        orders = [f"limit={name}:{most}" for name, most in limits.items()]
        if self.user is not None:
            orders.append(f"user={self.user}:{self.user}")
        if not self.network:
            orders.append("network=none")
        if not self.filesystem:
            orders += [f"readable={path}" for path in (*self.libraries, folder)]
        return [*orders, "--", *map(str, command)]

    def hand_over(self, folder: Path) -> None:
        """Make the folder and the files in it the program's."""
        if self.user is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, self.user, self.user)

    def report(self) -> dict[str, str]:
        """The same in words, for the log."""
        return {
            "network": "shared" if self.network else "none",
            "user": "shared" if self.user is None else "own",
            "filesystem": "shared" if self.filesystem else "private",
        }
