"""Settings of the checker."""

from pathlib import Path

from pydantic import Field

from services.checker.detection import Wanted
from shared.setting_types import Folder
from shared.settings import StatefulSettings


class Settings(StatefulSettings):
    """Beyond what every service has."""

    check_interval: float = Field(
        60.0, ge=0, le=86_400, description="seconds between two runs of the scheduler; 0 = at once"
    )
    check_batch: int = Field(200, ge=1, le=500, description="files in one run of ruff")
    work_dir: Folder = Field(
        Path("/dev/shm"),  # noqa: S108 - a folder in memory is what is wanted
        description="folder in memory for the files being checked",
    )
    ruff_isolation: Wanted = Field(
        "auto",
        description="`auto`: ruff gets no network, files or user that the system lets us keep from "
        "it; `required`: not to start without; `off`",
    )
