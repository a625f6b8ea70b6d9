from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
import yaml

from tenure.settings import Settings
from tests.meta.source import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
KINDS = ["coordinator", "worker"]
TOKEN_FILE = "TENURE_TOKEN_FILE"
SETTINGS = {f"TENURE_{name.upper()}" for name in Settings.model_fields}


def instructions(kind: str) -> list[tuple[str, str]]:
    """The instructions of the image that is shipped: those of its last stage."""
    text = (ROOT / f"Dockerfile.{kind}").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    split = [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]
    last = max(index for index, (word, _) in enumerate(split) if word == "FROM")
    return split[last:]


def values(kind: str, word: str) -> list[str]:
    return [rest.strip() for found, rest in instructions(kind) if found == word]


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_runs_its_command_without_a_shell_and_without_root(kind: str) -> None:
    assert [json.loads(value) for value in values(kind, "ENTRYPOINT")] == [["tenure", kind]]
    assert values(kind, "USER") == ["10001:10001"]
    (health,) = values(kind, "HEALTHCHECK")
    command = json.loads(health.partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "healthcheck", "exec")


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_sets_only_settings_that_exist(kind: str) -> None:
    names = set(re.findall(r"TENURE_\w+", " ".join(values(kind, "ENV"))))
    assert names
    assert names <= SETTINGS


def test_the_database_is_on_a_volume() -> None:
    assert values("coordinator", "VOLUME") == ["/data"]
    assert "data:/data" in SERVICES["coordinator"]["volumes"]
    environment = SERVICES["coordinator"]["environment"]
    assert environment["TENURE_DATABASE_URL"].startswith("sqlite:////data/")


def _copied(kind: str) -> set[str]:
    text = (ROOT / f"Dockerfile.{kind}").read_text("utf-8")
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ")]
    names = {name.removeprefix("./") for names in copied for name in names}
    return {name for name in names if not name.startswith(("--", "/"))}


def test_what_an_image_copies_is_not_ignored() -> None:
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    assert _copied("coordinator") == allowed
    assert _copied("worker") == allowed - {"ui"}


def test_only_the_coordinators_image_has_the_dashboard() -> None:
    assert "TENURE_SKIP_UI=1 pip wheel" in (ROOT / "Dockerfile.worker").read_text("utf-8")
    assert "TENURE_SKIP_UI" not in (ROOT / "Dockerfile.coordinator").read_text("utf-8")


def test_every_port_is_published_on_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert set(re.findall(r"\$\{POSTGRES_PASSWORD[^}]*\}", text)) == {"${POSTGRES_PASSWORD:-}"}


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "postgres"])
def test_services_are_hardened_and_come_back(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", [name for name in SERVICES if "build" in SERVICES[name]])
def test_our_services_are_built_here_and_set_only_settings_that_exist(name: str) -> None:
    service = SERVICES[name]
    assert (ROOT / service["build"]["dockerfile"]).exists()
    names = {
        name.removesuffix("_FILE") if name == TOKEN_FILE else name
        for name in service["environment"]
    }
    assert names <= SETTINGS


@pytest.mark.parametrize("name", [name for name in SERVICES if name.startswith("worker")])
def test_two_workers_reach_a_coordinator_that_knows_its_name(name: str) -> None:
    worker = SERVICES[name]
    assert worker["deploy"]["replicas"] == 2
    url = re.fullmatch(r"http://([\w-]+):5000", worker["environment"]["TENURE_COORDINATOR_URL"])
    assert url is not None
    coordinator = SERVICES[url[1]]
    assert coordinator["environment"]["TENURE_ALLOWED_HOSTS"] == url[1]
    assert coordinator["environment"]["TENURE_AUTH"] == "required"
    assert "TENURE_INSECURE_BIND" not in coordinator["environment"]
    assert worker["depends_on"] == {url[1]: {"condition": "service_healthy"}}
    assert worker.get("profiles") == coordinator.get("profiles")


@pytest.mark.parametrize("name", [name for name in SERVICES if name.startswith("worker")])
def test_workers_find_the_token_that_their_coordinator_leaves(name: str) -> None:
    worker = SERVICES[name]
    (coordinator,) = worker["depends_on"]
    left = SERVICES[coordinator]["environment"]["TENURE_WORKER_TOKEN_FILE"]
    assert worker["environment"][TOKEN_FILE] == left == "/join/worker.token"
    (mounted,) = worker["volumes"]
    volume = mounted.removesuffix(":/join:ro")
    assert f"{volume}:/join" in SERVICES[coordinator]["volumes"]
    assert volume in COMPOSE["volumes"]
    others = [
        other for other, service in SERVICES.items() if mounted[:-3] in service.get("volumes", [])
    ]
    assert others == [coordinator]


@pytest.mark.parametrize("kind", KINDS)
def test_the_images_own_where_the_token_is_left(kind: str) -> None:
    """A new volume takes the owner and the mode of the directory it is mounted on."""
    runs = " ".join(values(kind, "RUN"))
    made = re.search(r"install -d -m 0700 -o tenure -g tenure ((?:/\w+ ?)+)", runs)
    assert made is not None
    assert "/join" in made[1].split()


def test_postgres_only_by_its_profile() -> None:
    named = {name for name, service in SERVICES.items() if service.get("profiles") == ["postgres"]}
    assert named == {"postgres", "coordinator-postgres", "worker-postgres"}


def test_prometheus_and_grafana_only_by_their_profile() -> None:
    profile = ["observability"]
    assert {name for name in SERVICES if SERVICES[name].get("profiles") == profile} == {
        "prometheus", "grafana",
    }  # fmt: skip
    mounted = [path for name in ("prometheus", "grafana") for path in SERVICES[name]["volumes"]]
    local = [path.split(":")[0] for path in mounted if path.startswith("./")]
    assert len(local) == 3
    assert all((ROOT / path).is_dir() for path in local)


def test_a_worker_may_drain_before_it_is_killed() -> None:
    grace = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace > Settings.model_fields["drain_grace"].default.total_seconds()


def test_the_image_runs_a_python_that_the_project_supports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    floor = tuple(int(part) for part in project["requires-python"].removeprefix(">=").split("."))
    for kind in KINDS:
        (image,) = values(kind, "FROM")
        version = re.fullmatch(r"python:(\d+)\.(\d+)-slim", image)
        assert version is not None
        assert (int(version[1]), int(version[2])) >= floor
