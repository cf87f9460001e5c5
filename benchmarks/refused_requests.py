"""What a refused request costs the gateway: `python -m benchmarks.refused_requests`.

A gateway of its own, without the other services, gets each kind of request a few times over a
socket, one after the other. Processor time is the process's own, user and system; memory is how far
its resident set rises above what it was before (peak, from `VmHWM`). Linux only.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.ids import new_id
from tests.support.keys import Keys, make_keys
from tests.support.product import free_port

TIMES = 5
ALLOWED_MS, ALLOWED_MIB = 100.0, 10.0
MIB = 1024 * 1024
_TICKS = os.sysconf("SC_CLK_TCK")
JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"
PARTS = b"multipart/form-data; boundary=b"
LOGIN, TRY, FILES = b"/login", b"/api/v1/sessions", b"/api/v1/files"


@dataclass(frozen=True)
class Request:
    """One that is refused with `status`; `announced` False sends it in chunks without a length."""

    status: int
    path: bytes
    kind: bytes
    body: bytes
    headers: tuple[bytes, ...] = ()
    host: bytes = b"localhost"
    announced: bool = True


@dataclass(frozen=True)
class Cost:
    """Of one request: milliseconds of processor time, MiB of memory."""

    status: int
    milliseconds: float
    mebibytes: float


class Gateway:
    """A process that is asked one thing after the other."""

    def __init__(self, pid: int, port: int) -> None:
        self._folder, self._port = Path(f"/proc/{pid}"), port

    def cost(self, request: Request, times: int = TIMES) -> Cost:
        """The mean of the time, the peak of the memory. Raises `AssertionError` if let in."""
        (self._folder / "clear_refs").write_text("5")  # the peak begins anew
        memory, before = self._kib("VmRSS"), self._ticks()
        statuses = {self.ask(request) for _ in range(times)}
        spent = 1000 * (self._ticks() - before) / _TICKS / times
        assert statuses == {request.status}, statuses
        return Cost(request.status, spent, (self._kib("VmHWM") - memory) / 1024)

    def ask(self, request: Request) -> int:
        """The status; what the gateway does not want to read any more is not sent."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            connection.sendall(_head(request))
            try:
                for start in range(0, len(request.body), 64 * 1024):
                    connection.sendall(_piece(request, start))
                if not request.announced:
                    connection.sendall(b"0\r\n\r\n")
            except ConnectionError:
                pass  # the answer may be there all the same
            try:
                return int(connection.recv(100).split()[1])
            except ConnectionError:
                return request.status

    def _ticks(self) -> int:
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def _kib(self, name: str) -> int:
        lines = (self._folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def _head(request: Request) -> bytes:
    size = b"Content-Length: %d" % len(request.body)
    lines = [
        b"POST %s HTTP/1.1" % request.path,
        b"Host: " + request.host,
        b"Connection: close",
        b"Content-Type: " + request.kind,
        size if request.announced else b"Transfer-Encoding: chunked",
        *request.headers,
    ]
    return b"\r\n".join([*lines, b"", b""])


def _piece(request: Request, start: int) -> bytes:
    piece = request.body[start : start + 64 * 1024]
    return piece if request.announced else b"%x\r\n%s\r\n" % (len(piece), piece)


@contextmanager
def gateway(folder: Path) -> Iterator[tuple[Gateway, Keys]]:
    """A gateway that has answered its first request."""
    keys, port = make_keys(folder), free_port()
    environment = {
        "PREREVIEW_PORT": str(port),
        "PREREVIEW_SIGNING_KEY": keys.private["gateway"],
        "PREREVIEW_JWKS_FILE": str(keys.jwks_file),
        "PREREVIEW_LOG_LEVEL": "CRITICAL",
        "PREREVIEW_AUTH_URL": "http://127.0.0.1:1",
    }
    command = [sys.executable, "-m", "services", "gateway"]
    with subprocess.Popen(command, env={**os.environ, **environment}) as process:
        try:
            running = Gateway(process.pid, port)
            _wait(running)
            yield running, keys
        finally:
            process.terminate()


def _wait(running: Gateway) -> None:
    """Until it answers, and has built what it builds at its first requests."""
    for _ in range(300):
        try:
            for path in (LOGIN, TRY, b"/", FILES):
                running.ask(Request(0, path, JSON, b"{}"))
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the gateway did not start")


def requests(keys: Keys) -> dict[str, Request]:
    """One of each kind, as large as it gets."""
    full, much = 64 * 1024, 8 * MIB
    lists = b"[" + b"[]," * (full // 3 - 2) + b"[]]"
    token = keys.identity("auth").sign_user(new_id(), new_id()).encode()
    html, known = b"Accept: text/html", b"Authorization: Bearer " + token
    heads = b"".join(b"--b\r\nA: " + b"x" * 60_000 + b"\r\n\r\n\r\n" for _ in range(130))
    bad = b"Authorization: Bearer " + token[:-9] + b"AAAAAAAAA"
    long = b"Authorization: Bearer " + b"x" * 30_000
    many = b"&".join(b"a%d=1" % number for number in range(5000))
    deep = b'{"email":' * 7000
    return {
        "wrong host": Request(400, TRY, JSON, b"[]," * MIB, host=b"evil.example"),
        "foreign origin": Request(403, TRY, JSON, b"[]," * MIB, (b"Origin: https://evil.example",)),
        "unreadable origin": Request(403, TRY, JSON, b"{}", (b"Origin: http://[",)),
        "no token": Request(401, FILES, PARTS, heads[:MIB]),
        "forged token": Request(401, b"/api/v1/tokens", JSON, lists, (bad,)),
        "long token": Request(401, FILES, PARTS, b"x", (long,)),
        "headers too large": Request(431, TRY, JSON, b"{}", (b"X-Much: " + b"x" * 100_000,)),
        "too large, announced": Request(413, TRY, JSON, b"[" + b"[]," * MIB),
        "too large, in chunks": Request(413, TRY, JSON, b"[" + b"[]," * MIB, announced=False),
        "brackets": Request(422, TRY, JSON, b"[" * full),
        "objects": Request(422, TRY, JSON, deep),
        "empty lists": Request(422, TRY, JSON, lists),
        "5,000 wrong fields": Request(
            422, TRY, JSON, b"{" + b",".join(b'"%d":0' % n for n in range(5000)) + b"}"
        ),
        "long number": Request(422, TRY, JSON, b"9" * full),
        "escapes": Request(422, TRY, JSON, b'"' + b"\\u0041" * (full // 6 - 1) + b'"'),
        "form of &": Request(400, LOGIN, FORM, b"&" * full, (html,)),
        "form of 5,000 fields": Request(400, LOGIN, FORM, many, (html,)),
        "form of %FF": Request(422, LOGIN, FORM, b"%FF" * (full // 3), (html,)),
        "form too large": Request(413, LOGIN, FORM, b"a=" + b"%41" * (much // 3), (html,)),
        "form too large, in chunks": Request(
            413, LOGIN, FORM, b"a=" + b"%41" * (much // 3), (html,), announced=False
        ),
        "upload, nobody logged in": Request(401, b"/", PARTS, heads, (html,)),
        "32 MiB, nobody logged in": Request(401, b"/", PARTS, b"x" * 32 * MIB, (html,)),
        "256 MiB, nobody logged in": Request(401, b"/", PARTS, b"x" * 256 * MIB, (html,)),
        "heads without end": Request(422, FILES, PARTS, heads, (known,)),
        "boundary too long": Request(422, FILES, PARTS + b"b" * 999, heads, (known,)),
    }


def main() -> None:
    print(f"{'refused request':28}{'status':>7}{'ms':>8}{'MiB':>8}   allowed: 100 ms, 10 MiB")
    excess = False
    with tempfile.TemporaryDirectory() as folder, gateway(Path(folder)) as (running, keys):
        for name, request in requests(keys).items():
            cost = running.cost(request)
            print(f"{name:28}{cost.status:7}{cost.milliseconds:8.1f}{cost.mebibytes:8.1f}")
            excess |= cost.milliseconds > ALLOWED_MS or cost.mebibytes > ALLOWED_MIB
    raise SystemExit(excess)


if __name__ == "__main__":
    main()
