"""`docs/openapi.json`: the public API as the gateway describes it."""

import json
import tempfile
from pathlib import Path

from pydantic import SecretStr

from deploy.local.credentials import open_credentials
from services.gateway.main import create_app
from services.gateway.settings import Settings


def document() -> str:
    with tempfile.TemporaryDirectory() as folder:
        keys = open_credentials(Path(folder))
        settings = Settings(
            signing_key=SecretStr(keys.signing_key("gateway")), jwks_file=keys.jwks_file
        )
        app = create_app(settings)
        return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"
