"""Installing the broker starts no service of the system and says what it can't do."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from deploy.local import packages, unpacking
from deploy.local.__main__ import main
from deploy.local.errors import CannotStart
from deploy.local.packages import (
    ensure_chromium,
    ensure_rabbitmq,
    find_chromium,
    services_forbidden,
)

APT = """#!/bin/sh
echo "$DEBIAN_FRONTEND $*" | sed 's/ -o [^ ]*//g' >> {folder}/calls
cat {folder}/policy-rc.d >> {folder}/policies
for word; do case "$word" in install) set -- install;; update) set -- update;; esac; done
case "$1" in
    install) test -e {folder}/updated && touch {folder}/server ;;
    update) touch {folder}/updated ;;
esac
"""


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Root's Debian without RabbitMQ and with old package lists; apt-get notes its calls."""
    (tmp_path / "apt-get").write_text(APT.format(folder=tmp_path))
    (tmp_path / "apt-get").chmod(0o755)
    (tmp_path / "systemctl").symlink_to("/bin/true")
    (tmp_path / "dpkg").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    server = tmp_path / "server"
    monkeypatch.setattr(packages, "find_server", lambda: server if server.exists() else None)
    monkeypatch.setattr(
        packages, "CHROMIUM", [tmp_path / "chromium-headless-shell", tmp_path / "chromium"]
    )
    monkeypatch.setattr(packages, "LIBATOMIC", "libc.so.6")  # one that is there
    monkeypatch.setattr(unpacking, "TOOLS", tmp_path / "tools")
    monkeypatch.delenv("PREREVIEW_TEST_CHROMIUM", raising=False)
    return tmp_path


def test_root_gets_it_from_apt_while_no_service_may_start(debian: Path) -> None:
    said: list[str] = []
    ensure_rabbitmq(said.append, debian / "log")
    install = "noninteractive install --yes --no-install-recommends rabbitmq-server"
    calls = (debian / "calls").read_text().splitlines()
    assert calls == [install, "noninteractive update", install]
    assert (debian / "policies").read_text().count("exit 101") == len(calls)
    assert not (debian / "policy-rc.d").exists()
    assert len(said) == 1
    ensure_rabbitmq(said.append, debian / "log")
    assert len(said) == 1


def test_others_without_apt_are_told_what_to_install(
    debian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "can_unpack", lambda: False)
    with pytest.raises(CannotStart, match="sudo apt-get install rabbitmq-server"):
        ensure_rabbitmq(print, debian / "log")
    assert not (debian / "calls").exists()


def test_the_browser_of_the_tests_comes_the_same_way(debian: Path) -> None:
    ensure_chromium(print, debian / "log")
    calls = (debian / "calls").read_text()
    assert calls.endswith("--no-install-recommends chromium-headless-shell\n")


def test_so_does_the_library_of_its_driver(debian: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (debian / "chromium").touch()
    monkeypatch.setattr(packages, "LIBATOMIC", "libnobody.so.1")
    ensure_chromium(print, debian / "log")
    assert (debian / "calls").read_text().endswith("--no-install-recommends libatomic1\n")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "can_unpack", lambda: False)
    with pytest.raises(CannotStart, match="sudo apt-get install libatomic1"):
        ensure_chromium(print, debian / "log")


@pytest.mark.parametrize("browser", ["chromium-headless-shell", "chromium"])
def test_a_browser_that_is_there_is_taken(debian: Path, browser: str) -> None:
    (debian / browser).touch()
    ensure_chromium(print, debian / "log")
    assert not (debian / "calls").exists()
    assert find_chromium() == debian / browser


def test_a_policy_that_was_there_is_put_back(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    policy.chmod(0o750)
    with services_forbidden(policy):
        assert "exit 101" in policy.read_text()
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert policy.stat().st_mode & 0o777 == 0o750


def test_a_browser_that_is_named_and_none_is_told(
    debian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREREVIEW_TEST_CHROMIUM", str(debian / "no browser"))
    with pytest.raises(CannotStart, match="PREREVIEW_TEST_CHROMIUM names no program"):
        ensure_chromium(print, debian / "log")


def test_others_get_it_unpacked(debian: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "can_unpack", lambda: True)
    monkeypatch.setattr(packages, "unpack", lambda package, *_: asked.append(package))
    ensure_chromium(print, debian / "log")
    assert asked == ["chromium-headless-shell"]


def test_others_hear_what_else_they_can_do(debian: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise CannotStart("apt-get could not fetch it.")

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "can_unpack", lambda: True)
    monkeypatch.setattr(packages, "unpack", fail)
    with pytest.raises(CannotStart, match=r"could not fetch it\. RabbitMQ is missing: install it"):
        ensure_rabbitmq(print, debian / "log")


def test_a_policy_that_a_killed_run_left_behind_goes(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    killed = services_forbidden(policy)
    killed.__enter__()
    left = policy.read_bytes()
    killed.__exit__(None, None, None)
    policy.write_bytes(left)
    policy.chmod(0o755)
    assert subprocess.run([policy], check=False).returncode == 0  # and meanwhile forbids nothing
    with services_forbidden(policy):
        assert subprocess.run([policy], check=False).returncode == 101
    assert not policy.exists()


def test_two_at_once_wait_for_each_other(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    found: list[int] = []

    def second() -> None:
        with services_forbidden(policy):
            found.append(subprocess.run([policy], check=False).returncode)

    with services_forbidden(policy):
        other = threading.Thread(target=second)
        other.start()
        time.sleep(0.3)
        assert found == []
    other.join(timeout=10)
    assert found == [101]
    assert not policy.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_policy_behind(
    debian: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def interrupted(*_arguments: object, **_named: object) -> bool:
        assert (debian / "policy-rc.d").exists()
        os.kill(os.getpid(), number)
        time.sleep(5)
        raise AssertionError("nobody was interrupted")

    monkeypatch.setattr(packages, "apt_get", interrupted)
    assert main(["tools"]) == 128 + signal.SIGINT
    assert not (debian / "policy-rc.d").exists()


def test_elsewhere_than_on_linux_no_library_is_asked_for(
    debian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (debian / "chromium").touch()
    monkeypatch.setattr(packages, "LIBATOMIC", "libnobody.so.1")
    monkeypatch.setattr(sys, "platform", "darwin")
    ensure_chromium(print, debian / "log")
    assert not (debian / "calls").exists()
