"""The gate before password hashes: one a core, for threads and processes alike."""

import subprocess
import sys
import threading

import pytest
from rest_framework.test import APIClient

from accounts.services import hashing
from accounts.services.hashing import hash_gate
from accounts.tests.factories import PASSWORD, make_user
from common.errors import Unavailable
from common.models import RateCounter
from tests.threads import run_together


@pytest.fixture(autouse=True)
def two_slots(settings, tmp_path, monkeypatch):
    settings.HASH_GATE_DIR = tmp_path / "gate"
    monkeypatch.setattr(hashing, "slots", lambda: 2)


def test_no_more_than_one_hash_a_slot():
    inside, most, lock = [], [], threading.Lock()
    both = threading.Barrier(2)

    def work(_):
        with hash_gate():
            with lock:
                inside.append(1)
                most.append(len(inside))
            both.wait(timeout=10)
            with lock:
                inside.pop()

    assert run_together(8, work) == [None] * 8
    assert max(most) == 2


def test_gate_within_a_gate_is_open():
    with hash_gate(), hash_gate(), hash_gate():
        pass


def test_other_processes_count_too(settings, monkeypatch):
    """A process that holds both slots, and is then killed, leaves none behind."""
    settings.HASH_GATE_DIR.mkdir()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys, time\n"
            "files = [open(f'{sys.argv[1]}/slot-{n}', 'w') for n in range(2)]\n"
            "[fcntl.flock(file, fcntl.LOCK_EX) for file in files]\n"
            "print('held', flush=True)\n"
            "time.sleep(60)\n",
            str(settings.HASH_GATE_DIR),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        monkeypatch.setattr(hashing, "WAIT_SECONDS", 0.05)
        with pytest.raises(Unavailable) as refused, hash_gate():
            pass
        assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("sign_in_busy", 503, 2)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with hash_gate():
        pass


@pytest.mark.django_db(transaction=True)
def test_sign_in_before_a_full_gate_counts_nothing(monkeypatch):
    user = make_user()
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 0.05)
    body = {"email": user.email, "password": PASSWORD}

    def sign_in(_=None):
        return APIClient().post("/api/v1/auth/login/", body, format="json")

    entered, leave = threading.Barrier(3), threading.Event()

    def occupy():
        with hash_gate():
            entered.wait(timeout=10)
            leave.wait(timeout=30)

    holders = [threading.Thread(target=occupy) for _ in range(2)]
    for holder in holders:
        holder.start()
    entered.wait(timeout=10)
    try:
        response = sign_in()
    finally:
        leave.set()
        for holder in holders:
            holder.join()
    assert (response.status_code, response.json()["code"], response.headers["Retry-After"]) == (
        503,
        "sign_in_busy",
        "2",
    )
    assert {row.used for row in RateCounter.objects.all()} == {0}
    assert sign_in().status_code == 200
