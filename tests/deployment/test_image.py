"""What the Dockerfile says, run without Docker: its commands, its server, its health check."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from config.env import FILE_SETTINGS
from tests.deployment import container_files
from tests.deployment.example import filled, settings_named
from tests.deployment.processes import DEADLINE_SECONDS, answers, free_port, get, process_environment, wait_until


@pytest.fixture(scope="module")
def collected(image: SimpleNamespace) -> SimpleNamespace:
    """The image after the Dockerfile's own collectstatic."""
    (run,) = [run for run in container_files.all_of("RUN") if "collectstatic" in run]
    result = subprocess.run(
        ["sh", "-c", run],
        cwd=image.app,
        env=process_environment(image.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    image.said = result.stdout
    return image


def test_dockerfile_collects_static_files_and_keeps_no_secret(collected: SimpleNamespace) -> None:
    assert re.search(r"^\d+ static files copied to ", collected.said, re.MULTILINE)
    assert (collected.app / "static" / "staticfiles.json").is_file()
    assert not any(name in container_files.environment() for name in FILE_SETTINGS)


def test_context_holds_the_project_and_no_secret(image: SimpleNamespace) -> None:
    top = {path.name for path in image.app.iterdir()}
    assert {"manage.py", "config", "common", "accounts", "simulators", "deploy", "requirements.txt"} <= top
    assert not top & {".env", ".git", "secrets", "var", ".venv", "tests", "docs"}
    assert not list(image.app.rglob("tests"))
    assert not (image.app / "deploy" / "tls").exists()


def test_dockerfile_installs_first_and_leaves_root_last() -> None:
    steps = container_files.instructions()
    names = [name for name, _ in steps]
    assert steps[0] == ("FROM", "python:3.11-slim")
    assert steps.index(("COPY", "requirements.txt ./")) < steps.index(
        ("RUN", "pip install --requirement requirements.txt")
    )
    assert steps.index(("RUN", "pip install --requirement requirements.txt")) < steps.index(("COPY", ". ./"))
    assert ("USER", "medoc") in steps
    assert names.index("USER") > max(number for number, name in enumerate(names) if name == "RUN")


@pytest.mark.soak
def test_dockerfile_commands_in_a_fresh_virtual_environment(image: SimpleNamespace, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path)], check=True)
    inherited = {name: value for name, value in os.environ.items() if name not in settings_named()}
    environment = inherited | image.environment | {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    commands = [run for run in container_files.all_of("RUN") if not run.startswith("useradd ")]
    assert len(commands) == 2
    for command in commands:
        subprocess.run(["sh", "-c", command], cwd=image.app, env=environment, check=True)
    subprocess.run(["gunicorn", "--version"], env=environment, check=True)


@pytest.fixture(params=["1", "32"], ids=["web", "web-io"])
def web(request: pytest.FixtureRequest, collected: SimpleNamespace, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """The image's own command with the example's settings, on SQLite, on a free port."""
    settings = {name: value for name, value in filled().items() if not name.startswith(("DATABASE_", "CACHE_"))}
    port = free_port()
    environment = process_environment(
        collected.environment
        | settings
        | {"DATA_DIR": str(tmp_path), "PORT": str(port), "WEB_CONCURRENCY": "1", "WEB_THREADS": request.param}
    )
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(container_files.command(), cwd=collected.app, env=environment, stderr=out)
    try:
        wait_until(lambda: answers(port), process, log)
        yield SimpleNamespace(process=process, port=port, environment=environment, app=collected.app, log=log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_gunicorn_serves_health_and_pages_and_stops_when_told(web: SimpleNamespace) -> None:
    status, _, body = get(web.port, "/health", Host="api.example.org")
    assert status == 200
    assert json.loads(body)["status"] in {"ok", "degraded"}

    status, headers, _ = get(web.port, "/docs", Host="api.example.org")
    assert (status, headers["Location"]) == (301, "https://api.example.org/docs")

    forwarded = {"Host": "api.example.org", "X_Forwarded_Proto": "https", "X_Forwarded_For": "192.0.2.7"}
    status, headers, body = get(web.port, "/docs", **forwarded)
    assert status == 200
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    asset = re.search(rb'"(/static/[^"]+\.css)"', body)
    assert asset is not None
    assert get(web.port, asset[1].decode(), **forwarded)[0] == 200

    health = subprocess.run(
        container_files.health_command(), cwd=web.app, env=web.environment, capture_output=True, text=True, check=False
    )
    assert (health.returncode, health.stderr) == (0, "")

    web.process.send_signal(signal.SIGTERM)
    assert web.process.wait(timeout=DEADLINE_SECONDS) == 0
    lines = [json.loads(line) for line in web.log.read_text().splitlines()]
    assert "192.0.2.7" in {line.get("ip") for line in lines}

    health = subprocess.run(
        container_files.health_command(), cwd=web.app, env=web.environment, capture_output=True, text=True, check=False
    )
    assert health.returncode == 1
    assert health.stderr.startswith(f"/health on port {web.port}: ")
