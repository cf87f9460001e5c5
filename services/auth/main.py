"""Puts auth together."""

from fastapi import FastAPI

from services.auth.adapters.bcrypt_hasher import BcryptHasher
from services.auth.adapters.encryption import AesEncryption
from services.auth.adapters.zxcvbn_meter import ZxcvbnMeter
from services.auth.api import ROUTERS
from services.auth.domain.account import EVENTS
from services.auth.domain.limits import RateLimits
from services.auth.domain.ports import PasswordHasher, StrengthMeter
from services.auth.domain.session_limits import SessionLimits
from services.auth.settings import Settings
from services.auth.use_cases import erasure, pruning
from services.auth.use_cases.dependencies import Dependencies
from shared.clock import Clock, utc_now
from shared.contracts import UPCASTERS
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.runtime import Loop
from shared.service import create_service


def create_app(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    limits: RateLimits | None = None,
    session_limits: SessionLimits | None = None,
    hasher: PasswordHasher | None = None,
    meter: StrengthMeter | None = None,
) -> FastAPI:
    """What is given replaces what the settings say."""
    pepper = settings.password_pepper.get_secret_value()
    types = EventTypes(EVENTS, UPCASTERS)
    deps = Dependencies(
        database=Database(settings.database_url.get_secret_value()),
        store=EventStore(types),
        hasher=hasher or BcryptHasher(pepper, settings.bcrypt_cost),
        meter=meter or ZxcvbnMeter(),
        encryption=AesEncryption(pepper),
        limits=limits or RateLimits.of(settings),
        session_limits=session_limits or SessionLimits.of(settings),
    )
    pruning_loop = pruning.PruningLoop(deps.database, clock, deps.session_limits)
    masking_loop = erasure.MaskingLoop(deps.database, types)
    app = create_service(
        "auth",
        settings,
        deps.database,
        deps.store,
        ROUTERS,
        loops=[
            Loop("pruning", pruning_loop.step, pause=pruning.INTERVAL),
            Loop("masking", masking_loop.step, pause=erasure.INTERVAL),
        ],
        provide=[deps],
        resources=[deps.hasher, deps.meter],
    )
    app.state.clock = clock
    return app
