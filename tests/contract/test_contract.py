"""The running server gives no answer that its OpenAPI document does not promise, whatever it is asked."""

from pathlib import Path
from typing import Any

import pytest
import requests

from simulators.server import SimulatorServer
from tests.contract.known import make_known
from tests.contract.running import ask, site
from tests.threads import run_together

pytestmark = pytest.mark.django_db(transaction=True)


def _keeps_its_contract(folder: Path, settings: Any, *, seconds: int) -> None:
    # The server knows no other, and signs these people in.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    known, patients, administrator = make_known()
    cast = {"nobody": [], "patient": patients, "administrator": [administrator]}
    with site(folder) as url:
        runs = {
            name: ask(url, folder / name, known=known, people=people, seconds=seconds) for name, people in cast.items()
        }
        reports = {name: run.communicate()[0] for name, run in runs.items()}
    broken = [report for name, report in reports.items() if runs[name].returncode != 0]
    assert not broken, "\n".join(broken)


def test_document_is_there_for_many_who_ask_a_server_that_has_just_started(
    tmp_path: Path, simulators: SimulatorServer
) -> None:
    with site(tmp_path) as url:
        answers = run_together(8, lambda _number: requests.get(f"{url}/openapi.json", timeout=60).status_code)

    assert answers == [200] * 8


def test_api_keeps_its_contract(tmp_path: Path, settings: Any, simulators: SimulatorServer) -> None:
    _keeps_its_contract(tmp_path, settings, seconds=40)


@pytest.mark.soak
def test_api_keeps_its_contract_for_long(tmp_path: Path, settings: Any, simulators: SimulatorServer) -> None:
    _keeps_its_contract(tmp_path, settings, seconds=600)
