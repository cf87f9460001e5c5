"""Registers accounts."""

from services.auth.api.dependencies import GATEWAY, Deps, Now
from services.auth.domain.client_info import ClientInfo
from services.auth.use_cases import registration
from shared.contracts.http.auth import Registration
from shared.web.routes import Router

router = Router(prefix="/internal", dependencies=GATEWAY)


@router.post("/users", status_code=202)
async def register(body: Registration, deps: Deps, now: Now) -> dict[str, str]:
    """The answer and the work are the same for an address that has an account already."""
    await registration.register_user(
        deps,
        email=body.email,
        password=body.password,
        language=body.language,
        client_info=ClientInfo.of(body.client),
        cookie=body.cookie,
        now=now,
    )
    return {}
