"""Docker Compose, as a person at a terminal uses it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[2] / "deploy" / "docker-compose.yml"
CHOSEN = {"PREREVIEW_PORT": "0", "PREREVIEW_MAILBOX_PORT": "0", "PREREVIEW_CHECK_INTERVAL": "1"}


@dataclass(frozen=True)
class Project:
    """Containers and volumes of a name of their own."""

    name: str

    def __call__(self, *arguments: str) -> str:
        """What the command printed; raises when it fails."""
        command = ["docker", "compose", "-p", self.name, "-f", str(FILE), *arguments]
        done = subprocess.run(
            command, env=os.environ | CHOSEN, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def address(self, service: str, port: int) -> str:
        return f"http://{self('port', service, str(port)).strip()}"
