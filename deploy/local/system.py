"""The whole product: servers, mailbox and services, from nothing to two addresses."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial

from deploy.local import children
from deploy.local.console import say, step
from deploy.local.credentials import SERVICES, Credentials, open_credentials
from deploy.local.files import data_folder
from deploy.local.lock import only_one
from deploy.local.logs import fresh_log
from deploy.local.options import PREFIX, Options
from deploy.local.packages import ensure_rabbitmq
from deploy.local.ports import LOOPBACK, free_ports, require_free
from deploy.local.postgres import Postgres, forget_variables
from deploy.local.processes import Forked
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.readiness import wait_until_ready
from deploy.local.supervisor import Program, Supervisor, stopping_on_signals
from deploy.rabbitmq.definitions import ADMINISTRATOR


def serve(options: Options) -> None:
    """Start everything and keep it running until Ctrl-C, SIGTERM or `down`.

    Raises:
        CannotStart: something is missing or taken; what had been started is stopped.
    """
    data_folder(options.data)
    with only_one(options.data):
        supervisor = Supervisor(say)
        with stopping_on_signals():
            try:
                System(options, supervisor).start()
                supervisor.watch()
            except KeyboardInterrupt:
                say("Stopping …")
            finally:
                supervisor.stop()
        say("Stopped.")


class System:
    """The steps of a start, each told in one line with its seconds."""

    def __init__(self, options: Options, supervisor: Supervisor) -> None:
        self._options, self._supervisor = options, supervisor
        self._credentials: Credentials
        self._logs = options.data / "log"
        self._began = time.monotonic()

    def start(self) -> None:
        self._check_ports()
        step(f"Data … in {self._options.data}", self._open_credentials)
        self._check_variables()
        rabbitmq, postgres = self._start_rabbitmq(), self._start_postgres()
        step("Programs … loaded", children.preload)
        from deploy.local import given, prepare  # noqa: PLC0415 - a second, better spent while servers start

        database = self._options.database_url
        if postgres is not None:
            step(f"Postgres … ready on port {postgres.port}", postgres.wait)
            database = postgres.url
        passwords = self._credentials.postgres
        create_roles = partial(prepare.create_roles, database, passwords, ours=postgres is not None)
        with given.blaming_database(self._options):
            step("Roles … created", create_roles)
            step("Schemas … migrated", partial(prepare.migrate, database, passwords))
        amqp = self._amqp(rabbitmq)
        with given.blaming_broker(self._options):
            step("Exchanges … declared", partial(prepare.declare_exchanges, amqp(ADMINISTRATOR)))
        ports = dict(zip((*SERVICES, "smtp"), free_ports(len(SERVICES) + 1), strict=True))
        ports["gateway"] = self._options.port
        smtp = self._options.smtp_url or f"smtp://{LOOPBACK}:{ports['smtp']}"
        if not self._options.smtp_url:
            self._start_mailbox(ports["smtp"])
        self._start_services(children.Addresses(database, amqp, smtp, ports))
        say(f"Ready after {time.monotonic() - self._began:.1f} s. Ctrl-C stops everything.")
        say(f"  Prereview  {self._options.public_url}")
        if not self._options.smtp_url:
            say(f"  Mailbox    http://localhost:{self._options.mailbox_port}")

    def _check_ports(self) -> None:
        require_free(self._options.port, "PREREVIEW_PORT")
        if not self._options.smtp_url:
            require_free(self._options.mailbox_port, "PREREVIEW_MAILBOX_PORT")

    def _check_variables(self) -> None:
        """Tell of a wrong one, perhaps left over in the shell, before anything runs."""
        if not any(name.startswith(PREFIX) for name in os.environ):
            return  # the modules for it take a second, better spent while servers start
        from deploy.local import given  # noqa: PLC0415

        children.check_settings(self._options, self._credentials)
        given.check_servers(self._options)

    def _open_credentials(self) -> None:
        self._credentials = open_credentials(self._options.data / "secrets")

    def _start_postgres(self) -> Postgres | None:
        if self._options.database_url:
            return None
        forget_variables()
        server = Postgres(self._options.data / "postgres")
        self._supervisor.start([Program("Postgres", server.start, server.log, signal.SIGINT, 15.0)])
        return server

    def _start_rabbitmq(self) -> RabbitMQ | None:
        if self._options.amqp_url:
            return None
        ensure_rabbitmq(say, fresh_log(self._logs, "install"))
        server = RabbitMQ(self._options.data / "rabbitmq", self._credentials.rabbitmq)
        # Its start took 8 to 19 s where it was measured.
        program = Program("RabbitMQ", server.start, server.log, settled=20.0)
        self._supervisor.start([program])
        return server

    def _amqp(self, server: RabbitMQ | None) -> Callable[[str], str]:
        """The broker's URL for a user; one given to us is used by all as it is."""
        if server is None:
            return lambda _user: self._options.amqp_url
        step(f"RabbitMQ … ready on port {server.port}", server.wait)
        return server.url

    def _start_mailbox(self, smtp_port: int) -> None:
        folder, port = self._options.data / "mailbox", self._options.mailbox_port
        run = partial(children.run_mailbox, folder, smtp_port, port)
        self._supervisor.start([self._forked("mailbox", run)])
        step("Mailbox … ready", partial(self._ready, "mailbox", port, "/api/messages"))

    def _start_services(self, addresses: children.Addresses) -> None:
        values = {
            service: children.service_settings(service, self._options, addresses, self._credentials)
            for service in SERVICES
        }
        run = [self._forked(s, partial(children.run_service, s, values[s])) for s in SERVICES]
        self._supervisor.start(run)
        for service in SERVICES:
            port = addresses.ports[service]
            done = f"{service} … ready on port {port}"
            step(done, partial(self._ready, service, port, "/readyz"))

    def _forked(self, name: str, function: Callable[[], None]) -> Program:
        log = fresh_log(self._logs, name)
        return Program(name, partial(Forked, function, log), log)

    def _ready(self, name: str, port: int, path: str) -> None:
        log = self._logs / f"{name}.log"
        wait_until_ready(name, port, path, log, self._supervisor.check)
