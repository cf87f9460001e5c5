"""Passwords and keys are made once."""

from pathlib import Path

import pytest

from deploy.local.credentials import SERVICES, open_credentials
from shared.errors import Unauthenticated
from shared.web.identity import Identity


def test_the_second_start_finds_what_the_first_one_made(tmp_path: Path) -> None:
    first = open_credentials(tmp_path / "secrets")
    keys = {service: first.signing_key(service) for service in SERVICES}
    second = open_credentials(tmp_path / "secrets")
    assert second == first
    assert {service: second.signing_key(service) for service in SERVICES} == keys
    assert len(set(keys.values())) == len(SERVICES)


def test_a_lost_key_is_made_anew_and_the_others_stay(tmp_path: Path) -> None:
    first = open_credentials(tmp_path)
    auth, files = first.signing_key("auth"), first.signing_key("files")
    (tmp_path / "auth.pem").unlink()
    second = open_credentials(tmp_path)
    assert second.signing_key("auth") != auth
    assert second.signing_key("files") == files
    assert second.pepper == first.pepper


def test_nobody_else_reads_them_and_they_are_not_shown(tmp_path: Path) -> None:
    credentials = open_credentials(tmp_path / "secrets")
    modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "secrets").iterdir()}
    assert modes.pop("jwks.json") == 0o644
    assert set(modes.values()) == {0o600}
    assert credentials.pepper not in repr(credentials)


def test_services_know_each_other_by_them(tmp_path: Path) -> None:
    made = open_credentials(tmp_path)
    files, checker, gateway = (
        Identity(name, made.signing_key(name), made.jwks_file)
        for name in ("files", "checker", "gateway")
    )
    assert files.verify_service(checker.sign_service("files")) == "checker"
    assert files.verify_service(gateway.sign_service("files")) == "gateway"
    impostor = Identity("gateway", made.signing_key("checker"), made.jwks_file)
    with pytest.raises(Unauthenticated):
        files.verify_service(impostor.sign_service("files"))
