"""Many clients for one slot over sockets, against gunicorn on PostgreSQL: one has it, everybody else has an answer."""

import uuid
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection

from accounts.services.sessions import open_session
from accounts.tests.factories import make_user
from appointments.models import Appointment
from appointments.tests.factories import at, body, make_practitioner
from common import sql
from simulators.server import SimulatorServer
from tests.contract.running import site
from tests.threads import run_together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races"),
]


def _deadlocks() -> int:
    found = sql.fetch_one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert found is not None
    return int(found[0])


def _one_slot(folder: Path, people: int) -> None:
    doctor = make_practitioner()
    data = body(doctor, at())
    tokens = [open_session(make_user()).access_token for _ in range(people)]
    before = _deadlocks()
    with site(folder) as url:

        def post(number: int) -> Any:
            headers = {"Authorization": f"Bearer {tokens[number]}", "Idempotency-Key": uuid.uuid4().hex}
            return requests.post(f"{url}/api/v1/appointments/", json=data, headers=headers, timeout=120)

        answers = run_together(people, post)
    # The site's connections are closed: what they counted is in the statistics.
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(409)) == (1, people - 1), set(statuses)
    expected = [at(9, 30 + 15 * number).astimezone(doctor.zone).isoformat() for number in range(2)]
    for answer in answers:
        if answer.status_code == 409:
            refusal = answer.json()
            assert refusal["code"] in ("slot_taken", "busy")
            assert len(refusal["alternatives"]) == 3
            if refusal["code"] == "slot_taken":
                assert refusal["alternatives"][:2] == expected
    assert Appointment.objects.count() == 1
    assert _deadlocks() == before


def test_one_slot_and_two_hundred_clients(tmp_path: Path, simulators: SimulatorServer) -> None:
    _one_slot(tmp_path, 200)


@pytest.mark.soak
def test_one_slot_and_a_thousand_clients(tmp_path: Path, simulators: SimulatorServer) -> None:
    _one_slot(tmp_path, 1_000)
