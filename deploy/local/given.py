"""Servers that variables name: asked, before anything starts, whether they are what is needed."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

import aio_pika
import asyncpg
from aiormq.exceptions import (
    AuthenticationError,
    ConnectionNotAllowed,
    IncompatibleProtocolError,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from sqlalchemy.exc import SQLAlchemyError

from deploy.local.console import say
from deploy.local.errors import CannotStart
from deploy.local.options import Options
from services.notifier.smtp.connecting import try_connection
from services.notifier.smtp.failures import PermanentFailure, TemporaryFailure
from services.notifier.smtp.url import SmtpServer

PATIENCE = 5.0  # seconds for the answer of each
_MAY_LAY = (
    "SELECT rolsuper OR rolcreatedb AND rolcreaterole FROM pg_roles WHERE rolname = CURRENT_USER"
)
_ADMINISTRATOR = "Name an administrator, who may make databases and roles"

# What these log would stand on the terminal beside our sentence.
for _name in ("aiormq", "aio_pika", "asyncio"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


class Unfit(Exception):
    """The server can't be used: a part of a sentence that says why."""


def check_database(options: Options) -> None:
    """Raises `CannotStart` for a `PREREVIEW_DATABASE_URL` that leads to no Postgres of use."""
    if options.database_url:
        _ask(_database(options.database_url), "DATABASE_URL", "a database")


def check_servers(options: Options) -> None:
    """Like `check_database`, for all that variables name.

    Only the mail server may be away: mails wait for it.
    """
    check_database(options)
    if options.amqp_url:
        _ask(_broker(options.amqp_url), "AMQP_URL", "a broker")
    if options.smtp_url:
        try:
            _ask(_mail_server(options.smtp_url), "SMTP_URL", "a mailbox")
        except CannotStart as reason:
            say(f"{reason} Until then mails wait.")


@contextmanager
def blaming_database(options: Options) -> Iterator[None]:
    """Turn what a server that is not ours refuses later into `CannotStart`."""
    try:
        yield
    except (asyncpg.PostgresError, SQLAlchemyError, OSError) as error:
        if not options.database_url:
            raise
        why = f"the server refuses what Prereview needs ({type(error).__name__}). {_ADMINISTRATOR}"
        raise CannotStart(_told("DATABASE_URL", why, "a database")) from None


@contextmanager
def blaming_broker(options: Options) -> Iterator[None]:
    """Like `blaming_database`; also for exchanges and queues of our names and another kind."""
    try:
        yield
    except (aio_pika.exceptions.AMQPError, OSError) as error:  # TimeoutError is an OSError
        if not options.amqp_url:
            raise
        why = f"the broker refuses what Prereview needs ({type(error).__name__}). Name a user who "
        why += "may do everything in a virtual host of our own"
        raise CannotStart(_told("AMQP_URL", why, "a broker")) from None


def _ask(answer: Awaitable[None], name: str, instead: str) -> None:
    async def within() -> None:
        async with asyncio.timeout(2 * PATIENCE):
            await answer

    try:
        asyncio.run(within())
    except Unfit as reason:
        raise CannotStart(_told(name, str(reason), instead)) from None
    except (OSError, EOFError) as error:  # TimeoutError is an OSError
        if why := _of_tls(error):
            raise CannotStart(_told(name, why, instead)) from None
        why = "nobody answers at that address. Start the server"
        raise CannotStart(_told(name, why, instead)) from None
    except Exception as error:  # noqa: BLE001 - whatever a foreign server makes libraries raise
        why = f"what answers there can't be used ({type(error).__name__}). Change the variable"
        raise CannotStart(_told(name, why, instead)) from None


def _of_tls(error: BaseException) -> str:
    """What keeps TLS from being spoken; empty where it is something else."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is refused ({error.verify_message}). Change the variable, or let "
            "this machine trust who has signed it"
        )
    if isinstance(error, ssl.SSLError):
        return (
            f"what answers there speaks no TLS that we speak ({error.reason}). Change the variable"
        )
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):  # asyncpg's
        return "Postgres speaks no TLS there, and TLS is asked for. Change the variable"
    return _of_tls(error.__cause__) if error.__cause__ else ""


def _told(name: str, why: str, instead: str) -> str:
    return f"PREREVIEW_{name}: {why}, or unset it: then Prereview starts {instead} of its own."


async def _database(url: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=PATIENCE, command_timeout=PATIENCE)
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise Unfit("Postgres refuses this user or password. Change the variable") from None
    except asyncpg.InvalidCatalogNameError:
        raise Unfit("Postgres has no database of that name. Change the variable") from None
    except (asyncpg.ClientConfigurationError, FileNotFoundError):  # of a certificate
        raise Unfit(
            "TLS can't be set up with the options of this address, or with variables that begin "
            "with PGSSL. Change them"
        ) from None
    try:
        if not await connection.fetchval(_MAY_LAY):
            raise Unfit(f"this user has too few rights. {_ADMINISTRATOR}")
    finally:
        await connection.close(timeout=PATIENCE)


async def _broker(url: str) -> None:
    try:
        connection = await aio_pika.connect(url, timeout=PATIENCE)
    except (AuthenticationError, ProbableAuthenticationError):
        raise Unfit("RabbitMQ refuses this user or password. Change the variable") from None
    except (ConnectionNotAllowed, InvalidFrameError):  # aiormq reads the refusal as the latter
        raise Unfit(
            "RabbitMQ has no virtual host of that name, or this user may not enter it. Change the "
            "variable"
        ) from None
    except IncompatibleProtocolError:
        raise Unfit("what answers there is no RabbitMQ. Change the variable") from None
    await connection.close()


async def _mail_server(url: str) -> None:
    try:
        await try_connection(SmtpServer.from_url(url), PATIENCE)
    except (PermanentFailure, TemporaryFailure) as failure:
        raise Unfit(f"no mail can be handed over there ({failure}). Change the variable") from None
