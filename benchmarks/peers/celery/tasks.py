"""`celery -A benchmarks.peers.celery.tasks worker`: a task a file, and a task a mail."""

import json
import os
import smtplib
import subprocess
from email.message import EmailMessage
from functools import cache
from typing import Any

import psycopg
from celery import Celery

app = Celery("checks", broker=os.environ["REDIS_URL"])
app.conf.task_ignore_result = True

RUFF = ["ruff", "check", "--isolated", "--no-cache", "--output-format=json"]
RUFF += json.loads(os.environ["RUFF_RULES"])


@cache
def database() -> "psycopg.Connection[Any]":
    """One connection a process."""
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)


@app.task
def check_due() -> None:
    """What a beat schedule would start."""
    for (file_id,) in database().execute("SELECT id FROM files WHERE NOT checked"):
        check.delay(file_id)


@app.task
def check(file_id: int) -> None:
    wanted = "SELECT name, content FROM files WHERE id = %s"
    name, content = database().execute(wanted, [file_id]).fetchone()
    command = [*RUFF, "--stdin-filename", name, "-"]
    run = subprocess.run(command, input=content, capture_output=True, check=False)
    findings = json.loads(run.stdout)
    with database().transaction(), database().cursor() as cursor:
        cursor.execute("INSERT INTO checks (file_id) VALUES (%s) RETURNING id", [file_id])
        (check_id,) = cursor.fetchone()
        cursor.executemany(
            "INSERT INTO findings VALUES (%s, %s, %s, %s, %s)",
            [
                (
                    check_id,
                    one["code"],
                    one["message"],
                    one["location"]["row"],
                    one["location"]["column"],
                )
                for one in findings
            ],
        )
        cursor.execute("UPDATE files SET checked = true WHERE id = %s", [file_id])
    send.delay(check_id)


@app.task(autoretry_for=(OSError, smtplib.SMTPException), retry_backoff=True)
def send(check_id: int) -> None:
    message = write(check_id)
    with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as server:
        server.send_message(message)
    database().execute("UPDATE checks SET mailed_at = now() WHERE id = %s", [check_id])


def write(check_id: int) -> EmailMessage:
    owner = "SELECT name, email FROM checks JOIN files ON files.id = file_id WHERE checks.id = %s"
    name, email = database().execute(owner, [check_id]).fetchone()
    found = 'SELECT line, "column", code, message FROM findings WHERE check_id = %s ORDER BY 1, 2'
    findings = database().execute(found, [check_id]).fetchall()
    message = EmailMessage()
    message["From"], message["To"] = "checks@localhost", email
    message["Subject"] = f"{name}: {len(findings)} findings"
    lines = [f"{name}:{line}:{column}: {code} {text}" for line, column, code, text in findings[:20]]
    message.set_content("\n".join([f"{len(findings)} findings.", "", *lines]))
    return message
