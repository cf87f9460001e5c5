"""Docker itself understands the files."""

import os
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
OVERLAYS = ("docker-compose.dev.yml", "docker-compose.tls.yml")


@pytest.mark.parametrize("overlay", [None, *OVERLAYS])
def test_docker_understands_the_files(overlay: str | None) -> None:
    files = ["docker-compose.yml", *([overlay] if overlay else [])]
    options = [option for file in files for option in ("-f", str(DEPLOY / file))]
    told = subprocess.run(
        ["docker", "compose", *options, "config", "--quiet"],
        env=os.environ | {"PREREVIEW_DOMAIN": "localhost"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
