"""Language, time zone, theme, and whether new devices are reported."""

from datetime import datetime
from functools import cache, partial
from zoneinfo import available_timezones

from services.auth.domain.account import ACCOUNT, change_language, stream
from services.auth.tables import users
from services.auth.use_cases import account, throttling
from services.auth.use_cases.authentication import authenticated_person
from services.auth.use_cases.dependencies import Dependencies
from shared.contracts.http.auth import AUTO, Account, PreferenceChanges
from shared.errors import Invalid
from shared.eventsourcing.execute import execute
from shared.web.identity import User


class TimeZoneUnknown(Invalid):
    code = "time_zone_unknown"


async def change_preferences(
    deps: Dependencies, user: User, requested: PreferenceChanges, now: datetime
) -> Account:
    """Change those that are set; raises `TimeZoneUnknown`, `TooManyAttempts`."""
    if requested.time_zone != AUTO and requested.time_zone not in _time_zones():
        raise TimeZoneUnknown
    changes, user_id = requested.model_dump(exclude_unset=True), user.user_id
    async with deps.database.transaction() as connection:
        limits = deps.limits.account_changes(user_id)
        await throttling.acquire(connection, limits, now, counts=bool(changes))
    async with deps.database.transaction() as connection:
        await authenticated_person(connection, user)
        if changes:
            await users.set_preferences(connection, user_id, changes)
        if "language" in changes:
            decide = partial(change_language, user_id=user_id, language=requested.language)
            await execute(connection, deps.store, ACCOUNT, stream(user_id), decide)
        return await account.account(connection, user_id)


@cache
def _time_zones() -> frozenset[str]:
    """The names of the IANA database."""
    return frozenset(available_timezones())
