"""Settings come from variables; secrets also from files."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.auth.settings import Settings as AuthSettings
from services.checker.settings import Settings as CheckerSettings
from services.files.settings import Settings as FilesSettings
from shared.settings import Settings


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SIGNING_KEY": "pem",
        "JWKS_FILE": "/keys/jwks.json",
        "DATABASE_URL": "postgresql://prereview_auth:hush@db/prereview",
        "AMQP_URL": "amqp://prereview_auth:hush@mq/",
        "PASSWORD_PEPPER": "pepper",
    }.items():
        monkeypatch.setenv(f"PREREVIEW_{name}", value)


def test_variables_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREREVIEW_PORT", "8123")
    settings = AuthSettings()
    assert (settings.port, settings.host) == (8123, "127.0.0.1")
    assert settings.password_pepper.get_secret_value() == "pepper"


@pytest.mark.parametrize("name", ["SIGNING_KEY", "DATABASE_URL", "AMQP_URL", "PASSWORD_PEPPER"])
def test_a_secret_may_lie_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret").write_text(" from the file \n", "utf-8")
    monkeypatch.delenv(f"PREREVIEW_{name}")
    monkeypatch.setenv(f"PREREVIEW_{name}_FILE", str(tmp_path / "secret"))
    assert getattr(AuthSettings(), name.lower()).get_secret_value() == "from the file"


def test_a_variable_is_nearer_than_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file", "utf-8")
    monkeypatch.setenv("PREREVIEW_SIGNING_KEY_FILE", str(tmp_path / "secret"))
    assert Settings().signing_key.get_secret_value() == "pem"


def test_a_file_that_is_not_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREREVIEW_SIGNING_KEY")
    monkeypatch.setenv("PREREVIEW_SIGNING_KEY_FILE", "/nowhere/key.pem")
    with pytest.raises(FileNotFoundError):
        Settings()


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREREVIEW_PASSWORD_PEPPER")
    with pytest.raises(ValidationError, match="password_pepper"):
        AuthSettings()


def test_secrets_do_not_show() -> None:
    shown = f"{AuthSettings()!r} {AuthSettings()}"
    assert "hush" not in shown
    assert "pepper'" not in shown.replace("password_pepper", "")


def test_a_stray_dotenv_file_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("PREREVIEW_PORT=1\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert Settings().port == 8000


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (AuthSettings, "BCRYPT_COST", "3"),
        (AuthSettings, "BCRYPT_COST", "31"),
        (AuthSettings, "SESSION_DAYS", "0"),
        (FilesSettings, "MAX_FILE_BYTES", "0"),
        (FilesSettings, "MAX_FILE_BYTES", "much"),
        (CheckerSettings, "CHECK_INTERVAL", "-1"),
        (CheckerSettings, "CHECK_INTERVAL", "nan"),
        (CheckerSettings, "CHECK_BATCH", "0"),
        (CheckerSettings, "CHECK_BATCH", "501"),
        (Settings, "PORT", "http"),
    ],
)
def test_senseless_values_stop_the_program_at_its_start(
    monkeypatch: pytest.MonkeyPatch, settings: type[Settings], name: str, value: str
) -> None:
    monkeypatch.setenv(f"PREREVIEW_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        settings()
