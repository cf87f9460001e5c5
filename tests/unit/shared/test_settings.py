"""Settings come from variables; secrets also from files."""

import tempfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.auth.settings import Settings as AuthSettings
from services.checker.settings import IN_MEMORY
from services.checker.settings import Settings as CheckerSettings
from services.files.settings import Settings as FilesSettings
from shared.errors import Misconfigured
from shared.settings import Settings
from shared.web.identity import Identity


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNING_KEY", "from the file"),
        ("DATABASE_URL", "postgresql://from-the-file/"),
        ("AMQP_URL", "amqp://from-the-file/"),
        ("PASSWORD_PEPPER", "from the file"),
    ],
)
def test_a_secret_may_lie_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    (tmp_path / "secret").write_text(f" {value} \n", "utf-8")
    monkeypatch.delenv(f"PREREVIEW_{name}")
    monkeypatch.setenv(f"PREREVIEW_{name}_FILE", str(tmp_path / "secret"))
    assert getattr(AuthSettings(), name.lower()).get_secret_value() == value


def test_a_variable_is_nearer_than_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file", "utf-8")
    monkeypatch.setenv("PREREVIEW_SIGNING_KEY_FILE", str(tmp_path / "secret"))
    assert Settings().signing_key.get_secret_value() == "pem"


def test_a_file_that_is_not_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREREVIEW_SIGNING_KEY")
    monkeypatch.setenv("PREREVIEW_SIGNING_KEY_FILE", "/nowhere/key.pem")
    with pytest.raises(Misconfigured, match="PREREVIEW_SIGNING_KEY_FILE: "):
        Settings()


def test_a_file_that_nobody_needs_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREREVIEW_SIGNING_KEY_FILE", "/nowhere/key.pem")
    monkeypatch.setenv("PREREVIEW_PORT_FILE", "/nowhere/port")
    assert Settings(port=8123).port == 8123


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "LOG_LEVEL", "PUBLIC_URL"):
        monkeypatch.setenv(f"PREREVIEW_{name}", "")
    assert Settings().port == 8000


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
        (Settings, "PORT", "65536"),
        (Settings, "LOG_LEVEL", "loud"),
        (Settings, "LOG_FORMAT", "xml"),
        (Settings, "OTLP_ENDPOINT", "collector:4318"),
        (Settings, "FILES_URL", "http://files:port"),
        (AuthSettings, "DATABASE_URL", "db"),
        (AuthSettings, "DATABASE_URL", "postgresql://db:port/prereview"),
        (AuthSettings, "AMQP_URL", "http://mq/"),
        (AuthSettings, "AMQP_URL", "amqp://"),
        (AuthSettings, "SESSION_DAYS", "99999999999999999999"),
        (CheckerSettings, "WORK_DIR", "/nowhere"),
    ],
)
def test_senseless_values_stop_the_program_at_its_start(
    monkeypatch: pytest.MonkeyPatch, settings: type[Settings], name: str, value: str
) -> None:
    monkeypatch.setenv(f"PREREVIEW_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        settings()


def test_keys_that_can_not_be_read_are_told_without_them(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text('{"keys": [{"kid": "hush"}]}')
    for file in (tmp_path / "jwks.json", tmp_path / "none", tmp_path):
        settings = Settings(jwks_file=file)
        with pytest.raises(Misconfigured, match="PREREVIEW_JWKS_FILE") as caught:
            Identity.of("auth", settings)
        assert "hush" not in str(caught.value)


def test_where_no_folder_is_in_memory_the_temporary_one_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert CheckerSettings().work_dir in {IN_MEMORY, tmp_path}
    monkeypatch.setattr("services.checker.settings.IN_MEMORY", tmp_path / "nowhere")
    assert CheckerSettings().work_dir == tmp_path
    monkeypatch.setenv("PREREVIEW_WORK_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ValidationError, match="work_dir"):
        CheckerSettings()
