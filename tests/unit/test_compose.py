"""docker-compose.yml, Dockerfile and .env.example hold to each other, to the compose specification and to what is locked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: what runs once and ends
ONCE = {"airflow-init"}


def test_it_is_what_the_compose_specification_allows() -> None:
    checked = subprocess.run(
        [
            sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml"),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & service.keys()
    user = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", service["user"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), user
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert ("healthcheck" in service) is (name not in ONCE)


def test_secrets_come_from_outside_and_only_where_they_are_needed() -> None:
    named = set(re.findall(r"\$\{(\w+)", TEXT.replace("$${", "")))
    example = (ROOT / ".env.example").read_text()
    offered = set(re.findall(r"^#(\w+)=", example, re.MULTILINE))
    internal = {"WATERTIGHT_IMAGE", "POSTGRES_USER_ID"}  # for those who build images of their own
    assert named - internal <= offered
    for secret in ("POSTGRES_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_ADMIN_PASSWORD"):
        assert set(re.findall(rf"\$\{{{secret}[^}}]*\}}", TEXT)) == {f"${{{secret}:?set it in .env}}"}
    assert "env_file" not in SERVICES["pages"]
    assert "env_file" not in SERVICES["postgres"]
    assert all(volume.endswith(":ro") for volume in SERVICES["pages"]["volumes"])
    assert SERVICES["pages"]["user"] != SERVICES["scheduler"]["user"]


def test_the_driver_of_the_metadata_is_locked() -> None:
    environment = COMPOSE["x-airflow"]["environment"]
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    for address in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"):
        driver = re.match(r"postgresql\+(\w+)://", environment[address])
        assert driver
        assert {driver[1], f"{driver[1]}-binary"} <= locked


def test_tasks_start_after_the_server_that_they_ask() -> None:
    assert SERVICES["scheduler"]["depends_on"]["api-server"]["condition"] == "service_healthy"
    assert SERVICES["airflow-init"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_the_image_is_built_of_locked_wheels_and_ends_without_root() -> None:
    instructions = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    assert re.search(r"^ARG BASE_IMAGE=python:3\.1[123]", instructions, re.MULTILINE)
    assert re.findall(r"^USER (.+)$", instructions, re.MULTILINE)[-1] == "1000:1000"
    for installing in re.findall(r"(?:uv|pip) (?:pip )?install [^&\n]*", instructions):
        assert "--require-hashes" in installing or ("--no-index" in installing and "--no-deps" in installing), (
            installing
        )
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    assert not {"!.env", "!data", "!tests", "!."} & set(ignored)
    for name in re.findall(r"^COPY (.+) /", instructions, re.MULTILINE)[0].split():
        assert f"!{name}" in ignored
