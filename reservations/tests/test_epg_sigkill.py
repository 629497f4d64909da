"""The web process is killed with SIGKILL around its call to EPG: the sweep of another one finishes it, once."""

import pytest
from django.db import connection

from accounts.models import CreditEntry
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from catalog.tests.supervisor import RESERVATION
from common.sweeping import sweep
from payments.tests.killing import kill_at
from reservations.enums import EpgStatus, EpgTask, Status
from reservations.models import EpgRequest
from reservations.services.epg import resolving
from reservations.tests.factories import make_pharmacist, set_reserve_price
from reservations.tests.test_epg_kill_points import later

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="another process cannot see SQLite's test database"),
]

RESERVATIONS = "/api/v1/reservations/"
# Where it stands as it dies → how often EPG was called by then, and how the request is found.
DEATHS = {
    "between intent and call": ("reservations.api.views.submit", 0, EpgStatus.CREATED),
    "claimed, nothing sent": ("reservations.services.epg.asking.release_connection", 0, EpgStatus.CALLING),
    "between call and write": ("reservations.services.epg.asking.record", 1, EpgStatus.CALLING),
}


def state():
    request = EpgRequest.objects.select_related("reservation").get()
    return request.reservation.status, request.status, request.task


@pytest.mark.parametrize("death", DEATHS)
def test_killed_web_process_costs_one_reservation_upstream_and_one_charge(death, api, epg):
    where, called, found_as = DEATHS[death]
    set_reserve_price(2)
    patient = make_user(credits=10)
    stock = epg.stock(boxes=10)
    body = {"pharmacy": stock.pharmacy.code, "lines": [{"product": stock.product_code, "quantity": 2}]}

    kill_at(where, patient, RESERVATIONS, body)

    assert state() == (Status.REQUESTED, found_as, EpgTask.NONE)
    assert len(epg.calls(RESERVATION)) == called
    sweep()
    assert len(epg.calls(RESERVATION)) == called, "its process may still be about to"
    for _again in range(2):
        later()
        assert -1 not in sweep().values()

    if found_as == EpgStatus.CREATED:
        assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.NONE)
        assert len(epg.reservations()) == 1
    else:
        # Whether the call went out is what nobody knows: it is never sent again, a person looks.
        assert state() == (Status.REQUESTED, EpgStatus.UNKNOWN, EpgTask.RESOLVE)
        assert len(epg.reservations()) == len(epg.calls(RESERVATION)) == called
        request = EpgRequest.objects.get()
        pharmacist = make_pharmacist(request.pharmacy)
        if called:
            resolving.found_upstream(request, number=epg.reservations()[0]["reservation"], by=pharmacist)
        else:
            resolving.not_found_upstream(request, reason="x", by=pharmacist)
    again = api(patient).post(RESERVATIONS, body, format="json", headers={"Idempotency-Key": "once"})
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")

    is_kept = found_as == EpgStatus.CREATED or called == 1
    assert len(epg.reservations()) == int(is_kept)
    assert state()[0] == (Status.CONFIRMED if is_kept else Status.REJECTED)
    assert list(CreditEntry.objects.filter(kind="spend").values_list("amount", flat=True)) == [-2]
    assert balance(patient) == (8 if is_kept else 10)
    assert verify_ledger().findings == []
