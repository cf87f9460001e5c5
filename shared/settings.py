"""Settings every service has. Variables begin with `PREREVIEW_`.

A secret may come from a file instead: `PREREVIEW_SIGNING_KEY_FILE` names one that holds the value
of `PREREVIEW_SIGNING_KEY`.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.errors import Misconfigured
from shared.public_url import read_public_url
from shared.setting_types import BrokerUrl, DatabaseUrl, HttpUrl, LogLevel

PREFIX = "PREREVIEW_"


class _SecretFiles(PydanticBaseSettingsSource):
    """Values from the files that `…_FILE` variables name, where nothing nearer has a value."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        return (read_secret_file(field_name.upper(), path) if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
            if name not in self.current_state
        }
        return {name: value for name, value in values.items() if value is not None}


def read_secret_file(name: str, path: str) -> str:
    """What the file that `PREREVIEW_<name>_FILE` names holds.

    Raises:
        Misconfigured: it can't be read as text.
    """
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, ValueError):
        raise Misconfigured(
            f"{PREFIX}{name}_FILE: no text can be read from the file it names."
        ) from None


class Settings(BaseSettings):
    """What every program needs to listen, to sign and to find the others."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=1, le=65_535, description="port to listen on")
    public_url: Annotated[str, AfterValidator(read_public_url)] = Field(
        "http://localhost:8000", description="where people find the gateway; the base of all links"
    )
    log_level: LogLevel = "INFO"
    log_format: Literal["json", "console"] = Field("json", description="`json` or `console`")
    otlp_endpoint: HttpUrl = Field(
        "", description="OpenTelemetry collector (OTLP/HTTP); empty: none"
    )
    signing_key: SecretStr = Field(description="this service's Ed25519 private key, PEM")
    jwks_file: Path = Field(description="public keys of all services, a JSON Web Key Set")
    auth_url: HttpUrl = "http://127.0.0.1:8001"
    files_url: HttpUrl = "http://127.0.0.1:8002"
    checker_url: HttpUrl = "http://127.0.0.1:8003"
    notifier_url: HttpUrl = "http://127.0.0.1:8004"
    reports_url: HttpUrl = "http://127.0.0.1:8005"

    @model_validator(mode="before")
    @classmethod
    def _refuse_bytes(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Refuse variables that are no text: their bytes could be neither hashed nor sent."""
        for name, value in values.items():
            if isinstance(value, str) and not _is_text(value):
                raise Misconfigured(f"{PREFIX}{name.upper()}: can't be read as UTF-8.")
        return values

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit values first, then variables, then secret files."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _SecretFiles(settings_cls)


def _is_text(value: str) -> bool:
    """Whether it has no bytes that Python carries as lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class StatefulSettings(Settings):
    """Settings of a service that owns a schema and a queue."""

    database_url: DatabaseUrl = Field(description="postgresql://…, as the service's login role")
    amqp_url: BrokerUrl = Field(description="amqp://…, as the service's own user")
