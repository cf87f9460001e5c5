"""Passwords and keys are made once."""

from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deploy.local.credentials import SERVICES, Credentials, open_credentials
from deploy.local.errors import CannotStart
from shared.errors import Unauthenticated
from shared.ids import new_id
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


def test_a_second_key_signs_while_the_first_is_still_good(tmp_path: Path) -> None:
    before = open_credentials(tmp_path)
    old_token = _identity(before, "auth").sign_user(new_id(), new_id())
    second = Ed25519PrivateKey.generate()
    pem = second.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "auth.2027.pem").write_bytes(pem)

    during = open_credentials(tmp_path)
    new_token = _identity(during, "auth").sign_user(new_id(), new_id())
    assert jwt.get_unverified_header(new_token)["kid"] == "auth.2027"
    for token in (old_token, new_token):
        assert _identity(during, "files").verify_user(token)

    (tmp_path / "auth.pem").unlink()
    after = open_credentials(tmp_path)
    assert not (tmp_path / "auth.pem").exists()
    assert _identity(after, "files").verify_user(new_token)
    with pytest.raises(Unauthenticated):
        _identity(after, "files").verify_user(old_token)


def test_a_file_that_is_no_such_key_is_named(tmp_path: Path) -> None:
    open_credentials(tmp_path)
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (pem, b"garbage"):
        (tmp_path / "auth.2027.pem").write_bytes(content)
        with pytest.raises(CannotStart, match=r"auth\.2027\.pem is no Ed25519 private key"):
            open_credentials(tmp_path)


def test_nobody_else_reads_them_and_they_are_not_shown(tmp_path: Path) -> None:
    credentials = open_credentials(tmp_path / "secrets")
    modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "secrets").iterdir()}
    assert modes.pop("jwks.json") == 0o644
    assert set(modes.values()) == {0o600}
    assert credentials.pepper not in repr(credentials)


def test_services_know_each_other_by_them(tmp_path: Path) -> None:
    made = open_credentials(tmp_path)
    files, checker, gateway = (_identity(made, name) for name in ("files", "checker", "gateway"))
    assert files.verify_service(checker.sign_service("files")) == "checker"
    assert files.verify_service(gateway.sign_service("files")) == "gateway"
    impostor = Identity("gateway", made.signing_key("checker"), made.jwks_file)
    with pytest.raises(Unauthenticated):
        files.verify_service(impostor.sign_service("files"))


def _identity(made: Credentials, service: str) -> Identity:
    return Identity(service, made.signing_key(service), made.jwks_file)
