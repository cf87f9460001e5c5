"""Settings of files."""

from pydantic import Field

from shared.settings import StatefulSettings


class Settings(StatefulSettings):
    """Beyond what every service has."""

    max_file_bytes: int = Field(
        1024 * 1024, ge=1, le=2**30, description="the largest file accepted, bytes"
    )
    user_files: int = Field(1000, ge=1, le=10**9, description="files a user may have")
    user_bytes: int = Field(
        200 * 1024 * 1024,
        ge=1,
        le=2**50,
        description="bytes that all versions of a user's files may have",
    )
    uploads_per_minute: int = Field(
        60, ge=1, le=10**6, description="versions a user may save, and files restore, in a minute"
    )
    file_changes: int = Field(2000, ge=1, le=10**6, description="events a file may have")
    retention_days: int = Field(
        30, ge=0, le=36_500, description="days after which the contents of deleted files are erased"
    )
