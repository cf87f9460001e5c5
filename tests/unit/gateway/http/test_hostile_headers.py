"""No header makes the gateway answer with a 500."""

from services.gateway.main import create_app
from tests.support.hostile import COUNT, Target, ask, spoilt
from tests.support.keys import Keys
from tests.unit.gateway.conftest import settings_of
from tests.unit.gateway.fake_services import Services, answer, stream

ONE = "5b62aebd-9760-476f-94c3-ae3a02036fb4"
_PARTS = (
    b'--b\r\nContent-Disposition: form-data; name="version"\r\n\r\n1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.py"\r\n\r\nx = 1\r\n--b--\r\n'
)


def _targets(services: Services) -> list[Target]:
    host = ("host", "localhost:8000")
    pages = (
        ("accept", "text/html"),
        ("accept-language", "ru"),
        ("referer", "http://localhost:8000/x"),
    )
    cookies = ("cookie", f"access={services.access_token()}; session=opaque; theme=dark; zone=auto")
    program = ("authorization", f"Bearer {services.access_token()}"), ("accept", "application/json")
    form = (
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", "http://localhost:8000"),
    )
    upload = ("content-type", "multipart/form-data; boundary=b"), ("sec-fetch-site", "same-origin")
    json = ("content-type", "application/json")
    login = b"email=a%40b.example&password=secret"
    person, robot = (host, *pages, cookies), (host, *program)
    return [
        Target("GET", "/", person, query="q=a"),
        Target("GET", "/login", (host, *pages)),
        Target("GET", "/", (host, *pages)),
        Target("GET", "/nowhere", person),
        Target("GET", "/healthz", (host,)),
        Target("GET", "/metrics", (host, ("authorization", "Bearer x"))),
        Target("GET", f"/files/{ONE}/content", person),
        Target("GET", "/static/x/site.css", person),
        Target("GET", "/events", person),
        Target("POST", "/login", (host, *pages, *form), login),
        Target("POST", "/login", (host, *pages, *upload), _PARTS),
        *(Target("GET", f"/{one}/x", person) for one in ("confirm", "log-in", "reset-password")),
        Target("POST", "/confirm/x", (*person, *form), b"password=secret"),
        Target("POST", "/register", (host, *pages, *form), login),
        Target("POST", "/api/v1/confirmations", (*robot, json), b'{"token": "x"}'),
        Target("POST", "/language", (*person, *form), b"language=ru&next=/"),
        Target("POST", "/account", (*person, *form), b"language=ru&theme=dark"),
        Target("POST", "/", (*person, *upload), _PARTS),
        Target("POST", f"/files/{ONE}/change", (*person, *upload), _PARTS),
        Target("POST", f"/files/{ONE}/edit", (host, *pages, *upload), _PARTS),
        Target("POST", "/api/v1/sessions", (host, json), b'{"email": "a@b.c", "password": "p"}'),
        Target("POST", "/api/v1/sessions/refresh", (host, json), b'{"refresh_token": "x"}'),
        Target("PATCH", "/api/v1/me", (*robot, json), b'{"theme": "dark"}'),
        Target("POST", "/api/v1/files", (*robot, *upload), _PARTS),
        Target("PUT", f"/api/v1/files/{ONE}/content", (*robot, *upload), _PARTS),
        Target("DELETE", f"/api/v1/files/{ONE}", (*robot, ("if-match", '"v1"'))),
        Target("GET", "/api/v1/files", (*robot, ("if-none-match", '"x"'))),
        Target("GET", f"/api/v1/files/{ONE}/content", robot),
        Target("GET", "/api/v1/events", (*robot, ("last-event-id", "1"))),
        Target("GET", "/api/openapi.json", robot),
    ]


async def test_no_header_leads_to_a_fault(keys: Keys, services: Services) -> None:
    services.on("files GET /internal/files/.*/content", answer(200, b"x", X_File_Name="a.py",
                X_File_Version="1", ETag='"v1"'))  # fmt: skip
    services.on("reports GET /internal/feed", stream(b": hello\n\n"))
    services.on("reports GET /internal/files", answer(200, {"files": []}))
    services.on("auth PATCH /internal/me", answer(200, {}))
    settings = settings_of(keys, trusted_proxies="127.0.0.0/8,fe80::/10", metrics_token="sesame")
    app = create_app(settings, services.transport())
    services.on(".*", answer(404, {"code": "not_found", "params": {}}))
    faults, served = [], 0
    for target, headers in spoilt(_targets(services)):
        status, body = await ask(app, target, headers)
        served += status < 400
        if status >= 500:
            faults.append((status, target.method, target.path, headers, body))
    assert not faults[:5], len(faults)
    assert served > COUNT / 10, "the others are spoilt by one header each, not by their routes"
