"""`docs/openapi.json`: the public API as the gateway describes it."""

import json
import tempfile
from pathlib import Path

from pydantic import SecretStr

from deploy.local.keys import make_keys
from services.gateway.main import create_app
from services.gateway.settings import Settings


def document() -> str:
    with tempfile.TemporaryDirectory() as folder:
        keys = make_keys(Path(folder))
        settings = Settings(signing_key=SecretStr(keys.pem("gateway")), jwks_file=keys.jwks)
        app = create_app(settings)
        return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"
