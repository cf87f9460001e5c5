"""Starts the checks once a line has come: what `celery beat` does when its time has come."""

import sys

from benchmarks.peers.celery.tasks import app, check_due

PATIENCE = 60  # times that a worker is asked, a second each


def main() -> None:
    if not any(app.control.ping(timeout=1.0) for _ in range(PATIENCE)):
        sys.exit("no worker answers")
    with app.connection_for_write() as connection:
        connection.ensure_connection()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        check_due.apply_async(connection=connection)


if __name__ == "__main__":
    main()
