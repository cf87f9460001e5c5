"""Settings of reports."""

from shared.settings import StatefulSettings


class Settings(StatefulSettings):
    """Nothing beyond what every service has."""
