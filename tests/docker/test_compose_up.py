"""The images are built and everything is started with Docker Compose.

Needs Docker and minutes, so it is asked for by name: `make test ARGS=tests/docker`.
"""

import email
import email.policy
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.docker.compose import Project

ANN = {"email": "ann@example.org", "password": "correct horse battery staple"}
WAIT = 90.0  # seconds


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    compose = Project("prereview-test")
    compose("down", "--volumes")
    try:
        compose("build")
        compose("up", "-d", "--wait")
        yield compose
    finally:
        compose("down", "--volumes", "--rmi", "local")


def test_a_file_is_checked_and_its_owner_hears_of_it(project: Project) -> None:
    with httpx2.Client(base_url=f"{project.address('gateway', 8000)}/api/v1") as client:
        assert client.post("/users", json=ANN).status_code == 202
        _confirm(project, client)
        _log_in(client)
        _upload(client, "first.py")
        _wait_for_mails(client, 1)
    assert len(_mails(project)) == 2  # to confirm the address, and the result


def test_what_was_kept_is_there_after_down_and_up_and_two_of_each_send_no_mail_twice(
    project: Project,
) -> None:
    project("down")
    project("up", "-d", "--wait", "--scale", "checker=2", "--scale", "notifier=2")
    with httpx2.Client(base_url=f"{project.address('gateway', 8000)}/api/v1") as client:
        _log_in(client)
        assert [file["name"] for file in _files(client)] == ["first.py"]
        for number in range(20):
            _upload(client, f"next{number}.py")
        _wait_for_mails(client, 21)
    # Only the subject of a result begins with its verdict; the new network is a new device.
    results = [mail for mail in _mails(project) if mail["Subject"].startswith("[")]
    seen = Counter(mail["MessageID"] for mail in results)
    assert len(seen) == 20  # the mailbox forgets; the first mail was there before it was stopped
    assert set(seen.values()) == {1}


def _confirm(project: Project, client: httpx2.Client) -> None:
    """Follow the link in the first mail."""
    deadline = time.monotonic() + WAIT
    while not (mails := _mails(project)):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    address = f"{project.address('mailpit', 8025)}/api/v1/message/{mails[0]['ID']}/raw"
    mail = email.message_from_bytes(httpx2.get(address).content, policy=email.policy.default)
    text = mail.get_body(("plain",))
    assert text is not None
    link = re.search(r"/confirm/([\w-]+)", text.get_content())
    assert link is not None
    proof = {"token": link[1], "password": ANN["password"]}
    assert client.post("/confirmations", json=proof).is_success


def _log_in(client: httpx2.Client) -> None:
    answer = client.post("/sessions", json=ANN)
    assert answer.status_code == 201
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _upload(client: httpx2.Client, name: str) -> None:
    answer = client.post("/files", files={"file": (name, b"import os\n")})
    assert answer.status_code == 201


def _files(client: httpx2.Client) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = client.get("/files", params={"limit": 100}).json()["files"]
    return files


def _wait_for_mails(client: httpx2.Client, count: int) -> None:
    """Until the log says of `count` files that their mail was sent."""
    deadline = time.monotonic() + WAIT
    while True:
        checks = [file["last_check"] for file in _files(client) if file["last_check"]]
        states = Counter((check["mail"] or {}).get("state") for check in checks)
        if states["sent"] == count:
            return
        assert time.monotonic() < deadline, states
        time.sleep(0.5)


def _mails(project: Project) -> list[dict[str, Any]]:
    answer = httpx2.get(f"{project.address('mailpit', 8025)}/api/v1/messages?limit=100")
    mails: list[dict[str, Any]] = answer.json()["messages"]
    return mails
