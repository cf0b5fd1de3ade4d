"""The containers: what docker-compose.yml and the Dockerfile promise, read without an engine."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from preread.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = ("migrate", "api", "worker", "worker-gpu")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def is_setting(variable: str) -> bool:
    field = variable.removeprefix(PREFIX).removesuffix("_FILE").lower()
    return variable.startswith(PREFIX) and field in Settings.model_fields


def stage(name: str) -> str:
    """Return the lines of one target of the Dockerfile."""
    return re.split(r"^FROM ", DOCKERFILE.partition(f" AS {name}\n")[2], flags=re.MULTILINE)[0]


def test_the_services_are_those_of_the_architecture():
    assert set(SERVICES) == {*OURS, "db", "redis"}


@pytest.mark.parametrize("name", OURS)
def test_each_variable_of_ours_is_a_setting(name):
    assert [v for v in SERVICES[name]["environment"] if not is_setting(v)] == []


def test_each_variable_in_the_dockerfile_is_a_setting():
    named = re.findall(rf"\b{PREFIX}\w+", DOCKERFILE)
    assert named != []
    assert [variable for variable in named if not is_setting(variable)] == []


@pytest.mark.parametrize("name", OURS)
def test_each_command_is_a_module_of_the_tree(name):
    python, option, module, *_ = SERVICES[name]["command"]
    assert (python, option) == ("python", "-m")
    assert importlib.util.find_spec(f"{module}.__main__") is not None


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_to_a_release(name):
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image != ""
    assert re.match(r"\d+\.\d+", tag)


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_nothing_it_need_not(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "cap_add" not in service


def test_only_the_api_is_published_and_on_loopback_alone():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["api"]
    assert all(port.startswith("127.0.0.1:") for port in published["api"])


def test_the_database_and_the_doorbell_are_on_the_closed_network_only():
    assert COMPOSE["networks"]["backend"]["internal"] is True
    assert all(SERVICES[name]["networks"] == ["backend"] for name in ("db", "redis", "worker"))


@pytest.mark.parametrize("name", ["api", "worker", "worker-gpu"])
def test_nothing_starts_before_the_migrations_have_ended_well(name):
    migrated = SERVICES[name]["depends_on"]["migrate"]
    assert migrated == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", ["db", "redis"])
def test_a_store_says_when_it_is_healthy(name):
    assert SERVICES[name]["healthcheck"]["test"] != []


def test_the_api_image_says_when_it_is_healthy():
    assert "HEALTHCHECK" in stage("api")
    assert "/health/live" in stage("api")


def test_the_doorbell_survives_a_restart_and_never_drops_a_key():
    command = SERVICES["redis"]["command"][-1]
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert "requirepass" in command


def test_no_secret_is_written_in_the_file():
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())


def test_a_stopping_worker_has_time_to_finish_its_study():
    limit_s = Settings.model_fields["study_time_limit_s"].default
    assert float(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > limit_s


def test_the_gpu_worker_starts_only_when_asked_for():
    assert SERVICES["worker-gpu"]["profiles"] == ["gpu"]
    assert all("profiles" not in SERVICES[name] for name in ("migrate", "api", "worker"))


def test_the_images_run_as_nobody_in_particular():
    assert "USER 10001:10001" in stage("base")
    assert "USER" not in stage("api") + stage("worker")


def test_the_api_image_holds_no_model():
    whole = stage("base") + stage("api") + stage("build-api")
    assert "torch" not in whole
    assert "COPY ml" not in whole
    locked = (ROOT / "requirements-api.lock").read_text(encoding="utf-8")
    assert re.search(r"^(torch|scipy)==", locked, flags=re.MULTILINE) is None
