"""Finds out which isolation this system allows, by running a trial program once with each part."""

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from services.checker.sandbox.isolation import OWN_USER, Isolation
from services.checker.sandbox.limited_process import ProcessLimits
from services.checker.sandbox.private_folders import private_folder
from shared.errors import Misconfigured

IsolationMode = Literal["auto", "required", "off"]
Trial = Callable[[Isolation], bool]
_TRIAL_TIMEOUT = 30.0  # seconds; a trial usually takes some hundredths


class NoIsolation(Misconfigured):
    """Its message says what is missing and what to do."""


def find_isolation(
    mode: IsolationMode,
    trial: Sequence[str | Path],
    work_dir: Path,
    *,
    works: Trial | None = None,
) -> Isolation:
    """The strongest isolation that works here for programs like `trial`, which exit at once with 0.

    `works` tells whether a trial succeeds with an isolation; by default it is run.

    Raises:
        NoIsolation: it is `required`, and the program would have a network or see our files.
    """
    if mode == "off":
        return Isolation()
    found = _strongest(works or partial(_run_trial, trial, work_dir))
    if mode == "required" and (found.network or (found.filesystem and found.user is None)):
        report = " ".join(f"{name}={value}" for name, value in found.report().items())
        raise NoIsolation(
            f"ruff can't be isolated here ({report}): that takes Linux with seccomp and, for an "
            "ordinary user, Landlock. Or set PREREVIEW_RUFF_ISOLATION to auto."
        )
    return found


def _strongest(works: Trial) -> Isolation:
    found = Isolation()
    parts: list[dict[str, Any]] = [{"network": False}, {"filesystem": False}, {"user": OWN_USER}]
    for part in parts:
        better = replace(found, **part)
        if works(better):
            found = better
    return found


def _run_trial(trial: Sequence[str | Path], work_dir: Path, isolation: Isolation) -> bool:
    reading, started = os.pipe()
    with private_folder(work_dir) as folder, open(reading, "rb"), open(started, "wb"):  # noqa: PTH123
        try:
            isolation.own(folder)
            limits = ProcessLimits().rlimits(_TRIAL_TIMEOUT)
            subprocess.run(  # noqa: S603 - our own command
                isolation.command_line(trial, folder, limits=limits, started=started),
                cwd=folder, env={}, pass_fds=[started], stdin=subprocess.DEVNULL,
                capture_output=True, check=True, timeout=_TRIAL_TIMEOUT,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            return False
    return True
