"""Settings of the checker."""

import os
import tempfile
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from services.checker.sandbox.detection import IsolationMode
from shared.setting_types import Folder
from shared.settings import StatefulSettings

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in memory is what is wanted


class Settings(StatefulSettings):
    """Beyond what every service has."""

    check_interval: float = Field(
        60.0, ge=0, le=86_400, description="seconds between two runs of the scheduler; 0 = at once"
    )
    check_batch: int = Field(
        500, ge=1, le=500, description="files claimed at once, of 32 MiB together at most"
    )
    work_dir: Folder = Field(
        IN_MEMORY,
        description="folder in memory for the files being checked; where the default is missing, "
        "as on macOS, the temporary folder",
    )
    ruff_isolation: IsolationMode = Field(
        "auto",
        description="`auto`: ruff gets no network, files or user that the system lets us keep from "
        "it; `required`: not to start without; `off`",
    )

    @model_validator(mode="before")
    @classmethod
    def _have_a_folder(cls, values: dict[str, Any]) -> dict[str, Any]:
        if os.access(IN_MEMORY, os.W_OK | os.X_OK):
            return values
        return {"work_dir": Path(tempfile.gettempdir()), **values}
