"""Settings of files."""

from pydantic import Field

from shared.settings import StatefulSettings


class Settings(StatefulSettings):
    """Beyond what every service has."""

    max_file_bytes: int = Field(1024 * 1024, ge=1, description="the largest file accepted, bytes")
