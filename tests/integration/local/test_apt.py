"""While apt-get works, lines tell how far it is; one that says nothing any more is ended."""

import os
import time
from pathlib import Path

import pytest

from deploy.local import apt
from deploy.local.apt import apt_get, configure
from tests.support.processes import is_alive

FAKE = """#!/bin/sh
for word; do case $word in APT::Status-Fd=*) fd=${word#*=};; esac; done
echo "$DEBIAN_FRONTEND"
"""
NEWS = 'echo "dlstatus:1:%s:Retrieving file %s of 3 (erlang-base)" >/dev/fd/$fd\nsleep 0.15\n'


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, name: str = "apt-get") -> None:
    (folder / name).write_text(FAKE + script)
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def run(folder: Path, said: list[str]) -> bool:
    with (folder / "log").open("wb") as log:
        return apt_get(["update"], log, said.append)


def test_it_tells_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    news = "".join(NEWS % (f"{n}0.5", n) for n in (1, 2, 3))
    fake(tmp_path, monkeypatch, news)
    said: list[str] = []
    assert run(tmp_path, said)
    assert said == []  # done before the first line is due
    monkeypatch.setattr(apt, "PAUSE", 0.05)
    assert run(tmp_path, said)
    assert said[-1] == "  30 % … Retrieving file 3 of 3 (erlang-base)"
    assert (tmp_path / "log").read_text() == "noninteractive\n"


def test_what_it_started_and_left_behind_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, "sleep 5 &\nexit 100\n")
    began = time.monotonic()
    assert not run(tmp_path, [])
    assert time.monotonic() - began < 4


def test_silence_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "SILENCE", 0.5)
    fake(tmp_path, monkeypatch, "exec sleep 60\n")
    began = time.monotonic()
    assert not run(tmp_path, [])
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("to_the_end", [True, False])
def test_an_interruption_ends_no_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to_the_end: bool
) -> None:
    fake(tmp_path, monkeypatch, f"{NEWS % (1, 1)}sleep 1\ntouch {tmp_path}/installed\n")
    monkeypatch.setattr(apt, "PAUSE", 0.0)

    def interrupt(line: str) -> None:
        if "Retrieving" in line:
            raise KeyboardInterrupt

    with (tmp_path / "log").open("wb") as log, pytest.raises(KeyboardInterrupt):
        apt_get(["install"], log, interrupt, to_the_end=to_the_end)
    assert (tmp_path / "installed").exists() == to_the_end


def test_what_is_set_up_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = f"read answer && echo answered\nps -o sid= $$ > {tmp_path}/session\n"
    fake(tmp_path, monkeypatch, asks, "dpkg")
    terminal, far_end = os.openpty()
    before = os.dup(0)
    os.write(terminal, b"yes\n")
    os.dup2(far_end, 0)
    try:
        with (tmp_path / "log").open("wb") as log:
            assert configure(log, print)
    finally:
        os.dup2(before, 0)
        for opened in (before, terminal, far_end):
            os.close(opened)
    assert (tmp_path / "log").read_text() == "noninteractive\n"
    assert int((tmp_path / "session").read_text()) != os.getsid(0)


def test_what_is_never_set_up_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apt, "SILENCE", 0.3)
    fake(tmp_path, monkeypatch, f"sleep 60 &\necho $! > {tmp_path}/script\nwait\n", "dpkg")
    began = time.monotonic()
    with (tmp_path / "log").open("wb") as log:
        assert not configure(log, print)
    assert time.monotonic() - began < 10
    script = int((tmp_path / "script").read_text())
    while is_alive(script):  # it was sent the signal, and ends as soon as it has its turn
        assert time.monotonic() - began < 10
        time.sleep(0.02)
