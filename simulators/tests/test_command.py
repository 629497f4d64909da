"""`manage.py simulators` in a process of its own, with nothing but this app installed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from simulators.config import SimulatorConfig
from simulators.tests.helpers import EPG_HEADERS, epg_data, mypayga_start

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from django.conf import settings
settings.configure(INSTALLED_APPS=["simulators"], USE_TZ=True, {settings})
import django
django.setup()
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "simulators", *sys.argv[1:]])
"""


@pytest.fixture
def run():
    processes = []

    def start(*arguments: str, settings: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(settings=settings), *arguments],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def read_bases(process) -> dict[str, str]:
    return dict(process.stdout.readline().strip().split(": ") for _ in range(5))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_prints_one_base_url_per_service_and_stops_cleanly_on_a_signal(run, number):
    process = run("--port", "0")

    bases = read_bases(process)
    assert list(bases) == ["MyPayGa", "SingPay", "EPG Supervisor", "eBay", "Etsy"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/mypayga/v1", bases["MyPayGa"])
    assert requests.get(f"{bases['EPG Supervisor']}/api/produits", timeout=5).status_code == 401

    process.send_signal(number)
    out, error = process.communicate(timeout=10)
    assert (process.returncode, out, error) == (0, "", "")


def test_command_takes_keys_from_settings_and_epg_data_from_a_file(run, tmp_path):
    data = tmp_path / "epg.json"
    data.write_text(json.dumps(epg_data()), encoding="utf-8")

    process = run("--port", "0", "--epg-data", str(data), settings="MYPAYGA_API_KEY='stest_other', EPG_API_KEY=''")

    bases = read_bases(process)
    known = requests.get(f"{bases['EPG Supervisor']}/api/produits", headers=EPG_HEADERS, timeout=5)
    assert len(known.json()["items"]) == 3
    for key, status in (("stest_demo", 400), ("stest_other", "200")):
        body = mypayga_start("r1", "http://127.0.0.1:1/", apikey=key)
        assert requests.post(f"{bases['MyPayGa']}/payment", json=body, timeout=5).json()["request_status"] == status


def test_command_listens_on_the_port_of_the_settings_and_says_when_it_is_taken(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = run(settings=f"SIMULATORS_PORT={port}")
        out, error = process.communicate(timeout=10)

    assert (process.returncode, out) == (1, "")
    assert f"127.0.0.1:{port}" in error
    assert "SIMULATORS_PORT" in error
    assert "Traceback" not in error


def test_command_refuses_a_broken_data_file(run, tmp_path):
    data = tmp_path / "epg.json"
    data.write_text("{}", encoding="utf-8")

    process = run("--port", "0", "--epg-data", str(data))
    _, error = process.communicate(timeout=10)

    assert process.returncode == 1
    assert "Traceback" not in error


def test_demo_keys_look_like_nothing_real():
    config = SimulatorConfig()

    for value in (config.mypayga_api_key, config.singpay_client_secret, config.epg_api_key):
        assert not re.search(r"(sprod_|stest_)[A-Za-z0-9]{20,}", value)
