"""Puts auth together."""

from fastapi import FastAPI

from services.auth import erasing
from services.auth.adapters.encryption import Encryption
from services.auth.adapters.passwords import PasswordHasher
from services.auth.adapters.strength import StrengthMeter
from services.auth.api import ROUTERS
from services.auth.domain.account import EVENTS
from services.auth.erasing import Erasing
from services.auth.limits import Limits
from services.auth.pruning import EVERY, Pruning
from services.auth.session_list import Lifetime
from services.auth.settings import Settings
from shared.clock import Clock, utc_now
from shared.contracts import UPCASTERS
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.runtime import Loop
from shared.service import create_service


def create_app(settings: Settings, *, clock: Clock = utc_now) -> FastAPI:
    pepper, lifetime = settings.password_pepper.get_secret_value(), Lifetime.of(settings)
    hasher = PasswordHasher(pepper, settings.bcrypt_cost)
    meter = StrengthMeter()
    database = Database(settings.database_url.get_secret_value())
    pruning = Pruning(database, clock, lifetime)
    types = EventTypes(EVENTS, UPCASTERS)
    app = create_service(
        "auth",
        settings,
        database,
        EventStore(types),
        ROUTERS,
        loops=[
            Loop("pruning", pruning.step, pause=EVERY),
            Loop("erasing", Erasing(database, types).step, pause=erasing.EVERY),
        ],
        provide=[hasher, meter, Encryption(pepper), lifetime, Limits.of(settings)],
        resources=[hasher, meter],
    )
    app.state.clock = clock
    return app
