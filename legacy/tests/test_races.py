"""Many spends at once through two web processes, while others are answered."""

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from django.db import connection

from accounts.models import CreditEntry
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_session, make_user
from catalog.tests.factories import StockFactory
from reservations.models import Reservation
from tests.contract.running import site
from tests.threads import run_together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer, and no server of its own"),
]

SPENDS, CREDITS = 100, 10


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with site(tmp_path) as address:
        yield address


def _session(token: str = "") -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def test_hundred_spends_at_once_take_ten_credits(url: str) -> None:
    patient = make_user(credits=CREDITS)
    token = make_session(patient).access_token
    path = f"{url}/account/spent/{patient.account.pk}?credit=1"
    started = time.monotonic()
    with ThreadPoolExecutor(SPENDS + 1) as pool:
        spends = [pool.submit(_session(token).put, path, timeout=30) for _ in range(SPENDS)]
        others = [_session().get(f"{url}/rate/all", timeout=5).status_code for _ in range(10)]
        statuses = [spend.result().status_code for spend in spends]
    assert sorted(statuses) == [200] * CREDITS + [404] * (SPENDS - CREDITS)
    assert others == [200] * 10
    # No figure of speed: the old service froze for minutes.
    assert time.monotonic() - started < 30
    assert balance(patient) == 0
    assert CreditEntry.objects.filter(account=patient.account, kind="spend").count() == CREDITS
    assert verify_ledger().findings == []


def test_double_click_at_once_is_one_reservation(url: str) -> None:
    patient, stock = make_user(), StockFactory(quantity=50)
    token = make_session(patient).access_token
    body = {"pharmacy": stock.pharmacy_id, "produits": [{"cip": stock.product_code, "quantity": 1}]}

    def click(number: int) -> str:
        return _session(token).post(f"{url}/api_epg/reservation", json=body, timeout=30).text

    assert len(set(run_together(8, click))) == 1
    assert Reservation.objects.count() == 1


def test_doubled_slash_reaches_the_route_through_gunicorn(url: str) -> None:
    host = url.removeprefix("http://")
    port = host.rsplit(":", 1)[1]
    request = f"GET //rate/all HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    script = f"exec 3<>/dev/tcp/127.0.0.1/{port}; printf %s '{request}' >&3; head -1 <&3"
    answer = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert answer.stdout.strip() == "HTTP/1.1 200 OK"
