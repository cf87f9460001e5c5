"""The compose files say what they should, without a Docker engine."""

import re
from importlib import import_module
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.rabbitmq import CONFIGURATION
from deploy.prepare import handouts
from deploy.rabbitmq.definitions import SERVICES as STATEFUL
from services.__main__ import SERVICES
from shared.settings import PREFIX

DEPLOY = Path(__file__).parents[3] / "deploy"
OVERLAYS = ("docker-compose.tls.yml", "docker-compose.dev.yml")
Service = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Also reads `!reset` and `!override`, which say how Compose merges a value."""


def _sequence(loader: _Loader, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node)


for _tag in ("!reset", "!override"):
    _Loader.add_constructor(_tag, _sequence)


def _read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((DEPLOY / name).read_text("utf-8"), _Loader)
    return loaded


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return _read("docker-compose.yml")


IMAGE = re.compile(r"\$\{PREREVIEW_[A-Z]+_IMAGE:-([a-z/]+):([\w.-]+)\}")


@pytest.mark.parametrize("file", ["docker-compose.yml", *OVERLAYS])
def test_every_image_can_be_pinned_and_has_a_version(file: str) -> None:
    images = {n: s["image"] for n, s in _read(file)["services"].items() if "image" in s}
    assert images
    for name, image in images.items():
        matched = IMAGE.fullmatch(image)
        assert matched, name
        assert re.search(r"\d", matched[2]), name  # a version, not `latest`


def test_the_images_built_here_begin_with_one_that_can_be_pinned(compose: dict[str, Any]) -> None:
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
    stages: list[str] = []
    for line in (line.split() for line in lines if line.startswith("FROM ")):
        assert line[1] in {"${PYTHON_IMAGE}", *stages}
        stages.append(line[3])
    built = [s["build"]["args"] for s in compose["services"].values() if "build" in s]
    given = {args["PYTHON_IMAGE"] for args in built}
    assert len(built) == len(SERVICES) + 2
    assert [IMAGE.fullmatch(image) is not None for image in given] == [True]
    assert f"ARG PYTHON_IMAGE={given.pop().partition(':-')[2].rstrip('}')}" in lines


def test_only_the_overlay_that_shows_it_has_the_brokers_management() -> None:
    files = ["docker-compose.yml", *OVERLAYS]
    assert [file for file in files if "management" in str(_read(file))] == [
        "docker-compose.dev.yml"
    ]


def test_brokers_take_what_a_consumer_must_see_to_bury_it_and_nothing_larger(
    compose: dict[str, Any],
) -> None:
    limit = f"max_message_size = {16 * 1024 * 1024}\n"
    assert limit in compose["configs"]["rabbitmq"]["content"]
    assert limit in CONFIGURATION


def test_the_gateway_believes_the_proxys_own_address_and_no_other() -> None:
    overlay = _read("docker-compose.tls.yml")
    gateway, caddy = (overlay["services"][name] for name in ("gateway", "caddy"))
    named = _by_default(gateway["environment"]["PREREVIEW_TRUSTED_PROXIES"])
    [proxy] = [ip_network(one) for one in named.split(",")]
    assert ip_network(_by_default(caddy["networks"]["edge"]["ipv4_address"])) == proxy
    assert gateway["networks"] == ["services", "edge"]
    edge = overlay["networks"]["edge"]
    assert edge["internal"]
    [pool] = edge["ipam"]["config"]
    others = ip_network(_by_default(pool["ip_range"]))
    assert others.subnet_of(ip_network(_by_default(pool["subnet"])))  # type: ignore[arg-type]
    assert not proxy.overlaps(others)
    assert [n for n, s in overlay["services"].items() if "edge" in s.get("networks", ())] == [
        "gateway",
        "caddy",
    ]


def _by_default(text: str) -> str:
    """What Compose makes of a value when no variable is set."""
    while "${" in text:
        text = re.sub(r"\$\{\w+:-([^${}]*)\}", r"\1", text)
    return text


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_an_image_of_its_own_and_nobody_elses_secrets(
    compose: dict[str, Any], name: str
) -> None:
    service: Service = compose["services"][name]
    assert service["build"]["args"]["SERVICE"] == name
    assert service["volumes"] == [f"{name}-secrets:/run/secrets:ro"]
    assert service["depends_on"]["prepare"]["condition"] == "service_completed_successfully"
    assert "container_name" not in service  # there may be several


@pytest.mark.parametrize("name", [*SERVICES, "credentials", "prepare", "mailpit"])
def test_a_container_may_do_little(compose: dict[str, Any], name: str) -> None:
    service: Service = compose["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["read_only"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]


def test_only_the_gateway_and_the_mailbox_are_published_and_only_on_this_machine(
    compose: dict[str, Any],
) -> None:
    published = {name: s["ports"] for name, s in compose["services"].items() if "ports" in s}
    assert published == {
        "gateway": ["${PREREVIEW_BIND:-127.0.0.1}:${PREREVIEW_PORT:-8000}:8000"],
        "mailpit": ["127.0.0.1:${PREREVIEW_MAILBOX_PORT:-8025}:8025"],
    }


def test_the_databases_log_tells_no_values_of_rows(compose: dict[str, Any]) -> None:
    assert "log_error_verbosity=terse" in compose["services"]["postgres"]["command"]


def test_services_without_a_way_out_have_none(compose: dict[str, Any]) -> None:
    outside = {n for n, s in compose["services"].items() if "outside" in s.get("networks", [])}
    assert outside == {"gateway", "notifier", "mailpit"}
    assert compose["networks"]["data"]["internal"]
    assert compose["networks"]["services"]["internal"]


def test_every_secret_file_a_service_names_is_handed_to_it(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    given = handouts(tmp_path / "kept")
    for name in SERVICES:
        variables = compose["services"][name]["environment"]
        named = {
            Path(value).name
            for variable, value in variables.items()
            if variable.startswith(PREFIX) and variable.endswith("_FILE")
        }
        assert named == given[name].keys(), name


def test_what_is_handed_out_stays_the_same(tmp_path: Path) -> None:
    first, second = handouts(tmp_path / "kept"), handouts(tmp_path / "kept")
    for program in (*SERVICES, "postgres"):
        assert first[program] == second[program]


def test_the_gateway_gets_no_way_to_the_data(tmp_path: Path) -> None:
    given = handouts(tmp_path / "kept")
    assert given["gateway"].keys() == {"signing_key", "jwks.json"}
    for name in STATEFUL:
        assert f"//prereview_{name}:" in given[name]["database_url"]
        assert f"//prereview_{name}:" in given[name]["amqp_url"]


def test_images_and_developers_use_the_same_uv() -> None:
    image = re.search(r"uv==(\S+)", (DEPLOY / "Dockerfile").read_text("utf-8"))
    setup = re.search(r"uv_version=(\S+)", (DEPLOY / "setup.sh").read_text("utf-8"))
    assert image
    assert setup
    assert image[1] == setup[1]


@pytest.mark.parametrize("name", SERVICES)
def test_every_setting_of_a_service_reaches_it(compose: dict[str, Any], name: str) -> None:
    settings = import_module(f"services.{name}.settings").Settings
    given = set(compose["services"][name]["environment"])
    fixed_in_the_image = {"host", "port"}
    wanted = {
        f"{PREFIX}{field.upper()}" for field in settings.model_fields.keys() - fixed_in_the_image
    }
    assert {one for one in wanted if not {one, f"{one}_FILE"} & given} == set()
