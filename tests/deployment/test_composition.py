"""compose.yaml and what it mounts: secrets, roles of the database, settings of every container."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import yaml
from django.core.management import get_commands

from tests.deployment.checks import assert_clean, check_deploy
from tests.deployment.cluster import PostgresOfTheImage
from tests.deployment.container_files import PROJECT
from tests.deployment.example import example_settings, fill, settings_named
from tests.engines.postgres import find_programs


@pytest.fixture(scope="module")
def composition() -> Any:
    return yaml.safe_load((PROJECT / "compose.yaml").read_text())


def ours(composition: Any) -> dict[str, Any]:
    """The services made from our image."""
    return {name: service for name, service in composition["services"].items() if service["image"] == "toctocmedoc"}


def test_compose_has_every_service(composition: Any) -> None:
    assert set(ours(composition)) == {"web", "web-io", "worker", "worker-slow", "worker-channels", "sweep", "migrate"}
    images = {name: service["image"] for name, service in composition["services"].items()}
    assert images["postgres"] == "postgres:15"
    assert images["mongodb"] == "mongo:7"
    assert images["redis"] == "redis:7"
    assert [name for name, service in composition["services"].items() if "ports" in service] == ["nginx"]
    assert [name for name, service in composition["services"].items() if "profiles" in service] == ["mongodb"]


def test_compose_mounts_only_what_exists(composition: Any) -> None:
    mounts = [mount for service in composition["services"].values() for mount in service.get("volumes", [])]
    sources = [mount.partition(":")[0] for mount in mounts]
    files = [source for source in sources if source.startswith("./")]
    assert [source for source in files if not (PROJECT / source).exists()] == []
    assert {source for source in sources if not source.startswith("./")} == set(composition["volumes"])
    assert os.access(PROJECT / "deploy" / "postgres-init.sh", os.X_OK)


def test_compose_services_are_watched_or_say_why_not(composition: Any) -> None:
    for name, service in composition["services"].items():
        check = service.get("healthcheck", {})
        inherits_the_image = service["image"] == "toctocmedoc" and not check
        assert check.get("test") or inherits_the_image or service["x-no-healthcheck"], name
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name


def test_compose_waits_only_for_what_can_become_healthy(composition: Any) -> None:
    services = composition["services"]
    for name, service in services.items():
        for other, wanted in service.get("depends_on", {}).items():
            checked = not services[other].get("healthcheck", {}).get("disable")
            assert wanted["condition"] == ("service_healthy" if checked else "service_completed_successfully"), name


def test_compose_gives_only_settings_that_the_example_knows(composition: Any) -> None:
    for name, service in ours(composition).items():
        assert set(service["environment"]) <= set(settings_named()), name


def test_compose_gives_the_owners_address_to_migrate_alone(composition: Any) -> None:
    holders = {
        name for name, service in composition["services"].items() if "database_owner_url" in service.get("secrets", [])
    }
    assert holders == {"migrate"}
    assert {service["environment"]["DATABASE_OWNER_URL"] for service in ours(composition).values()} == {""}


def test_compose_runs_commands_that_exist(composition: Any) -> None:
    commands = [service["command"] for service in ours(composition).values() if "command" in service]
    assert [command[:2] for command in commands] == [["python", "manage.py"]] * 5
    assert {command[2] for command in commands} <= set(get_commands())


def test_nginx_knows_the_web_services_of_the_composition(composition: Any) -> None:
    configuration = (PROJECT / "deploy" / "nginx.conf").read_text()
    upstreams = re.findall(r" (web[\w-]*):(\d+);", configuration)
    assert set(upstreams) == {(name, ours(composition)[name]["environment"]["PORT"]) for name in ("web", "web-io")}
    assert ours(composition)["web-io"]["environment"]["WEB_THREADS"] == "32"
    assert "WEB_THREADS" not in ours(composition)["web"]["environment"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy of deploy/ after make-secrets.sh."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copytree(PROJECT / "deploy", folder / "deploy")
    said = subprocess.run([folder / "deploy" / "make-secrets.sh"], check=True, capture_output=True, text=True).stdout
    refused = [
        "email_url",
        "mypayga_api_key",
        "mypayga_callback_secret",
        "singpay_client_id",
        "singpay_client_secret",
        "singpay_wallet",
    ]
    assert re.findall(r"secrets/(\w+)\.txt", said) == refused
    return folder


def test_make_secrets_writes_every_secret_once(composition: Any, server: Path) -> None:
    files = {entry["file"] for entry in composition["secrets"].values()}
    written = {f"./secrets/{path.name}": path.read_text() for path in (server / "secrets").iterdir()}
    assert set(written) == files
    assert len(set(written.values())) == len(written) - 4, "what gateways issue is one placeholder"
    assert (server / "secrets").stat().st_mode & 0o777 == 0o700
    subprocess.run([server / "deploy" / "make-secrets.sh"], check=True, capture_output=True)
    assert {f"./secrets/{path.name}": path.read_text() for path in (server / "secrets").iterdir()} == written


def test_secrets_are_declared_and_used(composition: Any) -> None:
    for name, service in composition["services"].items():
        environment = service.get("environment", {})
        files = {value for key, value in environment.items() if key.endswith("_FILE")}
        assert files == {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}, name
    assert {secret for service in composition["services"].values() for secret in service.get("secrets", [])} == set(
        composition["secrets"]
    )


@pytest.mark.parametrize("name", ["web", "migrate"])
def test_composed_service_with_the_copied_example_passes_the_check(
    composition: Any, server: Path, image: SimpleNamespace, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for path in (server / "secrets").iterdir():
        (folder / path.stem).write_text(fill(path.read_text()))
    composed = {
        key: re.sub(r"\$\{\w+:-\}", "", value).replace("/run/secrets", str(folder))
        for key, value in ours(composition)[name]["environment"].items()
    }
    # As a newcomer has it: the example copied to .env, secrets replaced in secrets/ only.
    settings = example_settings() | composed
    assert_clean(check_deploy(image, settings | {"DATA_DIR": str(image.data), "STATIC_ROOT": str(image.app)}))


@pytest.mark.skipif(find_programs() is None, reason="no PostgreSQL on this machine: postgres-init.sh was NOT tried")
def test_postgres_init_gives_each_role_its_rights(tmp_path: Path) -> None:
    cluster = PostgresOfTheImage(tmp_path)
    try:
        urls = cluster.start()
        with psycopg.connect(urls["DATABASE_OWNER_URL"], autocommit=True) as owner:
            owner.execute("CREATE TABLE medicines (code text)")
        with psycopg.connect(urls["DATABASE_URL"], autocommit=True) as application:
            application.execute("CREATE TEMPORARY TABLE imported (code text)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute("CREATE TABLE medicines_of_others (code text)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute("SELECT * FROM medicines")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute("SET ROLE medoc_staff")
        with psycopg.connect(urls["DATABASE_STAFF_URL"], autocommit=True) as staff:
            for role in ("medoc_app", "medoc_owner"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    staff.execute(f"SET ROLE {role}")
    finally:
        cluster.stop()
