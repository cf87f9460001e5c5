"""`serve` and `down` as a person at a terminal meets them."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from deploy.local.errors import CannotStart
from deploy.local.ports import require_free
from tests.support.processes import descendants, is_alive
from tests.support.product import free_port, local, running_product


@pytest.mark.parametrize("variable", ["PREREVIEW_PORT", "PREREVIEW_MAILBOX_PORT"])
def test_a_taken_port_is_named_with_its_variable(tmp_path: Path, variable: str) -> None:
    ports = {"PREREVIEW_PORT": str(free_port()), "PREREVIEW_MAILBOX_PORT": str(free_port())}
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        answer = local("serve", tmp_path, **{**ports, variable: taken})
    assert answer.returncode == 1
    said = f"Port {taken} is taken by another program: set {variable} to a free port."
    assert answer.stderr.splitlines() == [said]


def test_a_port_that_only_root_may_open_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(_socket: socket.socket, _address: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(CannotStart, match="port 80: set PREREVIEW_PORT to one from 1024 on"):
        require_free(80, "PREREVIEW_PORT")


def test_a_port_that_is_none_is_refused(tmp_path: Path) -> None:
    answer = local("serve", tmp_path, PREREVIEW_PORT="http")
    assert answer.returncode == 1
    assert answer.stderr.splitlines() == ["PREREVIEW_PORT must be a port, 1 to 65535."]


def test_a_setting_that_a_service_refuses_stops_the_start_with_its_sentence(tmp_path: Path) -> None:
    ports = {"PREREVIEW_PORT": str(free_port()), "PREREVIEW_MAILBOX_PORT": str(free_port())}
    answer = local("serve", tmp_path, PREREVIEW_SMTP_URL="smtp://user:hush@mail.example", **ports)
    assert answer.returncode == 1
    [said] = answer.stderr.splitlines()
    assert said.startswith("PREREVIEW_SMTP_URL: ")
    assert "hush" not in answer.stdout + answer.stderr


def test_down_is_content_when_nothing_runs(tmp_path: Path) -> None:
    answer = local("down", tmp_path / "never used")
    assert (answer.returncode, answer.stdout) == (0, "Nothing is running.\n")


def test_down_tells_of_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for folder in (tmp_path / "file", tmp_path / "loop", tmp_path / ("long" * 100)):
        answer = local("down", folder)
        assert answer.returncode == 1
        [said] = answer.stderr.splitlines()
        assert "set PREREVIEW_DATA" in said


@pytest.mark.parametrize("told", ["", "[]", "{}", "17", '{"pid": "x", "started_at": null}'])
def test_down_takes_a_broken_note_for_none(tmp_path: Path, told: str) -> None:
    (tmp_path / "supervisor.pid").write_text(told)
    assert local("down", tmp_path).stdout == "Nothing is running.\n"


def test_down_leaves_a_stranger_with_the_same_pid_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        told = f'{{"pid": {stranger.pid}, "started_at": "1"}}'
        (tmp_path / "supervisor.pid").write_text(told)
        assert local("down", tmp_path).stdout == "Nothing is running.\n"
        assert stranger.poll() is None
        stranger.kill()


def test_a_killed_supervisor_takes_everything_along_and_the_data_are_usable(
    tmp_path: Path,
) -> None:
    with running_product(tmp_path) as product:
        everything = list(descendants(product.supervisor))
        assert len(everything) > 15
        os.kill(product.supervisor, signal.SIGKILL)
        end = time.monotonic() + 10
        while left := [pid for pid in everything if is_alive(pid)]:
            assert time.monotonic() < end, [Path(f"/proc/{p}/cmdline").read_text() for p in left]
            time.sleep(0.05)
    assert local("down", tmp_path / "data").stdout == "Nothing is running.\n"
    migrated = local("migrate", tmp_path / "data")
    assert migrated.returncode == 0, migrated.stderr
    assert "Schemas … migrated" in migrated.stdout
