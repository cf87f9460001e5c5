"""Puts auth together."""

from fastapi import FastAPI

from services.auth import api
from services.auth.adapters.passwords import PasswordHasher
from services.auth.domain.account import EVENTS
from services.auth.settings import Settings
from shared.contracts import UPCASTERS
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.service import create_service


def create_app(settings: Settings) -> FastAPI:
    hasher = PasswordHasher(settings.password_pepper.get_secret_value(), settings.bcrypt_cost)
    return create_service(
        "auth",
        settings,
        Database(settings.database_url.get_secret_value()),
        EventStore(EventTypes(EVENTS, UPCASTERS)),
        [api.router],
        provide=[hasher],
        resources=[hasher],
    )
