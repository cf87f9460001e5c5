"""Language, time zone, theme, and whether new devices are reported."""

from functools import cache, partial
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import accounts
from services.auth.domain.account import ACCOUNT, change_language, stream
from shared.contracts.http.auth import AUTO
from shared.errors import Invalid
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.web.identity import User


class TimeZoneUnknown(Invalid):
    code = "time_zone_unknown"


def check_time_zone(name: str) -> str:
    """A name of the IANA database, or “auto”."""
    if name != AUTO and name not in _names():
        raise TimeZoneUnknown
    return name


async def change_preferences(
    connection: AsyncConnection, store: EventStore, user: User, changes: dict[str, Any]
) -> None:
    """Write the columns that are given."""
    person, _ = await accounts.authenticated_person(connection, user)
    if not changes:
        return
    await accounts.change(connection, person.user_id, **changes)
    if "language" in changes:
        decide = partial(change_language, user_id=person.user_id, language=changes["language"])
        await execute(connection, store, ACCOUNT, stream(person.user_id), decide)


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
