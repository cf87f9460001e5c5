"""Settings every service has. Variables begin with `PREREVIEW_`.

A secret may come from a file instead: `PREREVIEW_SIGNING_KEY_FILE` names one that holds the value
of `PREREVIEW_SIGNING_KEY`.
"""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.public_url import read_public_url

PREFIX = "PREREVIEW_"


class _SecretFiles(PydanticBaseSettingsSource):
    """Values from the files that `…_FILE` variables name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        return (Path(path).read_text("utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """What every program needs to listen, to sign and to find the others."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, description="port to listen on")
    public_url: Annotated[str, AfterValidator(read_public_url)] = Field(
        "http://localhost:8000", description="where people find the gateway; the base of all links"
    )
    log_level: str = "INFO"
    log_format: str = Field("json", description="`json` or `console`")
    otlp_endpoint: str = Field("", description="OpenTelemetry collector (OTLP/HTTP); empty: none")
    signing_key: SecretStr = Field(description="this service's Ed25519 private key, PEM")
    jwks_file: Path = Field(description="public keys of all services, a JSON Web Key Set")
    auth_url: str = "http://127.0.0.1:8001"
    files_url: str = "http://127.0.0.1:8002"
    checker_url: str = "http://127.0.0.1:8003"
    notifier_url: str = "http://127.0.0.1:8004"
    reports_url: str = "http://127.0.0.1:8005"

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


class StatefulSettings(Settings):
    """Settings of a service that owns a schema and a queue."""

    database_url: SecretStr = Field(description="postgresql://…, as the service's login role")
    amqp_url: SecretStr = Field(description="amqp://…, as the service's own user")
