"""Finds out what a program can be kept from on this system, by trying it once."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from services.checker.sandbox.isolation import OWN_USER, Isolation
from services.checker.sandbox.limited_process import Limits
from services.checker.sandbox.private_folders import private_folder
from shared.errors import Misconfigured

Wanted = Literal["auto", "required", "off"]
_PATIENCE = 30.0  # seconds for a trial; it usually takes some hundredths


class NoIsolation(Misconfigured):
    """Its message says what is missing and what to do."""


def find_isolation(wanted: Wanted, trial: Sequence[str | Path], work_dir: Path) -> Isolation:
    """All that holds on this system for programs like `trial`, which end at once with 0.

    Raises:
        NoIsolation: it is `required`, and the program would have a network or see our files.
    """
    if wanted == "off":
        return Isolation()
    found = _strongest(trial, work_dir)
    if wanted == "required" and (found.network or (found.filesystem and found.user is None)):
        told = " ".join(f"{name}={value}" for name, value in found.report().items())
        raise NoIsolation(
            f"ruff can't be isolated here ({told}): that takes Linux with seccomp and, for an "
            "ordinary user, Landlock. Or set PREREVIEW_RUFF_ISOLATION to auto."
        )
    return found


def _strongest(trial: Sequence[str | Path], work_dir: Path) -> Isolation:
    found = Isolation()
    parts: list[dict[str, Any]] = [{"network": False}, {"filesystem": False}, {"user": OWN_USER}]
    for part in parts:
        better = replace(found, **part)
        if _works(better, trial, work_dir):
            found = better
    return found


def _works(isolation: Isolation, trial: Sequence[str | Path], work_dir: Path) -> bool:
    told, started = os.pipe()
    with private_folder(work_dir) as folder, open(told, "rb"), open(started, "wb"):  # noqa: PTH123
        try:
            isolation.hand_over(folder)
            limits = Limits().of_process(_PATIENCE)
            subprocess.run(  # noqa: S603 - our own command
                isolation.launching(trial, folder, limits=limits, started=started),
                cwd=folder, env={}, pass_fds=[started], stdin=subprocess.DEVNULL,
                capture_output=True, check=True, timeout=_PATIENCE,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            return False
    return True
