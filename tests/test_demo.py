"""The demo as a newcomer runs it: a process of its own, real ports, a fresh folder."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.env import env

ENGINES = ["sqlite", *(["suite"] if env.str("DATABASE_URL", default="") else [])]
WITHIN_SECONDS = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def demo_environment(folder: Path, engine: str = "sqlite") -> dict[str, str]:
    own = {
        "DEBUG": "1",
        "PORT": str(free_port()),
        "SIMULATORS_PORT": str(free_port()),
        "DATA_DIR": str(folder),
        "CACHE_URL": "",
    }
    if engine == "sqlite":
        own |= {"DATABASE_URL": "", "DATABASE_OWNER_URL": ""}
    return os.environ | own


def start(*arguments: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_demo_walks_the_main_job_and_exits_clean(tmp_path: Path, engine: str) -> None:
    environment = demo_environment(tmp_path, engine)
    for _first_and_second_start in range(2):
        demo = start("--exit", environment=environment)
        output, _ = demo.communicate(timeout=WITHIN_SECONDS)
        assert demo.returncode == 0, output
        assert "Tout concorde : 7 comptes" in output
        assert "« Lait solaire bébé indice 50, 100 ml » est en ligne sur eBay" in output
        assert not listens(int(environment["PORT"]))
        assert not listens(int(environment["SIMULATORS_PORT"]))


def test_interrupted_site_stops_every_process(tmp_path: Path) -> None:
    environment = demo_environment(tmp_path)
    site = start("--no-journey", environment=environment)
    assert site.stdout is not None
    for line in site.stdout:
        if "Ctrl-C" in line:
            break
    assert listens(int(environment["PORT"]))
    site.send_signal(signal.SIGINT)
    rest, _ = site.communicate(timeout=30)
    assert site.returncode == 0, rest
    deadline = time.monotonic() + 5
    while listens(int(environment["PORT"])) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not listens(int(environment["PORT"]))
    assert not listens(int(environment["SIMULATORS_PORT"]))


def test_occupied_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    environment = demo_environment(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["PORT"])))
        taken.listen()
        demo = start("--exit", environment=environment)
        output, _ = demo.communicate(timeout=WITHIN_SECONDS)
    assert demo.returncode == 1
    assert f"Le port {environment['PORT']} est occupé" in output
    assert "PORT=" in output


def test_demo_needs_debug(tmp_path: Path) -> None:
    demo = start("--exit", environment=demo_environment(tmp_path) | {"DEBUG": "0"})
    output, _ = demo.communicate(timeout=WITHIN_SECONDS)
    assert demo.returncode == 1
    assert "SECRET_KEY is missing" in output
