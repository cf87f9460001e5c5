"""Exports what auth stores about a person."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.tables import (
    api_tokens,
    devices,
    mail_requests,
    second_factors,
    security_log,
    sessions,
)
from services.auth.use_cases import throttling
from services.auth.use_cases.account import account, delivery_address
from services.auth.use_cases.authentication import authenticated_person
from services.auth.use_cases.dependencies import Dependencies
from shared.contracts.http.auth import Export, ExportedAccount
from shared.web.identity import User


async def export_account(
    connection: AsyncConnection, deps: Dependencies, user: User, now: datetime
) -> Export:
    person, client = await authenticated_person(connection, user)
    user_id = person.user_id
    await throttling.acquire(connection, deps.limits.account_changes(user_id), now)
    await security_log.insert(connection, user_id, "exported", now, client)
    profile = await account(connection, user_id)
    second_factor = await second_factors.find_state(connection, user_id)
    return Export(
        account=ExportedAccount(**profile.model_dump(), second_factor=second_factor),
        delivery=await delivery_address(connection, user_id),
        sessions=await sessions.list_all(connection, user_id),
        devices=await devices.list_all(connection, user_id),
        tokens=await api_tokens.list_all(connection, user_id),
        mails=await mail_requests.list_all(connection, user_id),
    )
