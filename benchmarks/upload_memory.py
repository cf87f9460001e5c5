"""How the gateway's memory grows under 20 uploads of 1 MiB at once.

`python -m benchmarks.upload_memory` starts the whole product on private servers. Memory is
proportional (PSS, MB), read every 20 ms while the uploads run: once with clients that send as fast
as they can, once with slow ones, so that all bodies are on their way together. Linux only.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2

from benchmarks.usage import proportional_megabytes
from tests.support.product import Product, running_product

AT_ONCE = 20
SIZE = 1024 * 1024  # bytes
PIECE = 32 * 1024  # bytes a client sends before it rests
REST = 0.05  # seconds
ALLOWED = 60.0  # MB
PASSWORD = "correct horse battery staple"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Postgres leaves root behind and has to reach its data all the same.
        Path(folder).chmod(0o755)
        with running_product(Path(folder)) as product:
            fast = asyncio.run(measure(product, "fast", 0.0))
            slow = asyncio.run(measure(product, "slow", REST))
    print(f"{AT_ONCE} uploads of {SIZE // 1024} KiB, {ALLOWED:.0f} MB more are allowed:")
    print(f"fast clients {fast:.1f} MB, slow ones {slow:.1f} MB")
    raise SystemExit(max(fast, slow) >= ALLOWED)


async def measure(product: Product, name: str, rest: float) -> float:
    """MB between the quiet gateway and its worst moment, a first upload done before."""
    gateway = listener(int(product.url.rpartition(":")[2]))
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=product.url, timeout=120, limits=limits) as http:
        await log_in(http, f"{name}@example.org")
        await upload(http, 0, rest)
        quiet = proportional_megabytes(gateway)
        running = asyncio.gather(*(upload(http, number, rest) for number in range(1, AT_ONCE + 1)))
        worst = quiet
        while not running.done():
            worst = max(worst, proportional_megabytes(gateway))
            await asyncio.sleep(0.02)
        await running
    return worst - quiet


async def log_in(http: httpx2.AsyncClient, email: str) -> None:
    account = {"email": email, "password": PASSWORD}
    (await http.post("/api/v1/users", json=account)).raise_for_status()
    begun = (await http.post("/api/v1/sessions", json=account)).raise_for_status()
    http.headers["Authorization"] = f"Bearer {begun.json()['access_token']}"


async def upload(http: httpx2.AsyncClient, number: int, rest: float) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await http.post("/api/v1/files", content=form(number, rest), headers=kind)
    assert answer.status_code == httpx2.codes.CREATED, answer.text


async def form(number: int, rest: float) -> AsyncIterator[bytes]:
    disposition = f'form-data; name="file"; filename="big_{number}.py"'
    yield f"--b\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    content = f"# {number}\n".encode() + b"# a comment\n" * (SIZE // 12)
    for start in range(0, SIZE, PIECE):
        yield content[start : min(start + PIECE, SIZE)]
        await asyncio.sleep(rest)
    yield b"\r\n--b--\r\n"


def listener(port: int) -> int:
    """The process that listens on a port of this machine."""
    wanted = f":{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(wanted) and fields[3] == "0A":
            return holder(f"socket:[{fields[9]}]")
    raise LookupError(port)


def holder(socket: str) -> int:
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == socket:
                return int(link.parts[2])
        except OSError:
            continue
    raise LookupError(socket)


if __name__ == "__main__":
    main()
