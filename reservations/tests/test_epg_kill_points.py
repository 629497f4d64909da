"""The web process dies at a named boundary of a reservation at EPG; the sweep brings it to a legal end.

A death is a `BaseException` that no handler of ours catches: what was committed stays, what was not is gone.
"""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db.models import F

from accounts.models import CreditEntry
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from catalog.epg import client as wire
from catalog.tests.supervisor import RESERVATION
from common.idempotency import LEASE
from common.models import IdempotencyKey
from common.sweeping import sweep
from reservations.enums import EpgStatus, EpgTask, Status
from reservations.models import EpgRequest, Reservation
from reservations.services import reserving
from reservations.services.epg import asking, recording, resolving
from reservations.services.epg.intents import grace
from reservations.tests.factories import make_pharmacist, set_reserve_price

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """SIGKILL, as far as Python code can tell."""


@pytest.fixture
def killed(monkeypatch):
    """`with killed(target, name):` the process dies as it calls that function; with `after=True` as that returns."""

    @contextmanager
    def killed(target, name, *, after=False):
        genuine = getattr(target, name)

        def dies(*args, **kwargs):
            if after:
                genuine(*args, **kwargs)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(target, name, dies)
            with pytest.raises(Killed):
                yield

    return killed


@pytest.fixture
def patient(db):
    set_reserve_price(2)
    return make_user(credits=10)


@pytest.fixture
def ask(api, epg, patient):
    """POST /reservations/ at a pharmacy of EPG, under one and the same key."""
    stock = epg.stock(boxes=10)

    def ask():
        body = {"pharmacy": stock.pharmacy.code, "lines": [{"product": stock.product_code, "quantity": 2}]}
        return api(patient).post("/api/v1/reservations/", body, format="json", headers={"Idempotency-Key": "once"})

    return ask


def later():
    """The lease of the process that died is over; the hold is not."""
    passed = grace() + timedelta(seconds=1)
    EpgRequest.objects.filter(next_at__isnull=False).update(next_at=F("next_at") - passed)
    IdempotencyKey.objects.update(lease_until=F("lease_until") - LEASE)


def state():
    request = EpgRequest.objects.select_related("reservation").get()
    return request.reservation.status, request.status, request.task


def assert_one_charge(patient, *, returned=False):
    assert CreditEntry.objects.filter(kind="spend").count() == 1
    assert CreditEntry.objects.filter(kind="refund").count() == (1 if returned else 0)
    assert balance(patient) == (10 if returned else 8)
    assert verify_ledger().findings == []


def test_killed_before_the_intent_is_committed_nothing_was_begun(ask, killed, epg, patient):
    with killed(reserving, "intend"):
        ask()

    assert Reservation.objects.count() == EpgRequest.objects.count() == IdempotencyKey.objects.count() == 0
    assert (balance(patient), epg.calls(RESERVATION)) == (10, [])
    assert ask().json()["status"] == "confirmed"
    assert_one_charge(patient)


BEFORE_THE_CALL = {
    "before the claim": (asking, "_claim", False),
    "in the claim": (asking, "_take", True),
}


@pytest.mark.parametrize("boundary", BEFORE_THE_CALL)
def test_killed_between_intent_and_call_the_sweep_makes_the_call(boundary, ask, killed, epg, patient):
    target, name, after = BEFORE_THE_CALL[boundary]
    with killed(target, name, after=after):
        ask()
    assert state() == (Status.REQUESTED, EpgStatus.CREATED, EpgTask.NONE)
    assert ask().status_code == 409, "the same key still runs, as far as anybody can know"

    sweep()
    assert epg.calls(RESERVATION) == [], "its process may still be about to"
    later()
    sweep()
    sweep()

    assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.NONE)
    assert len(epg.reservations()) == len(epg.calls(RESERVATION)) == 1
    again = ask()
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.json()["id"] == str(Reservation.objects.get().public_id)
    assert len(epg.reservations()) == 1
    assert_one_charge(patient)


# Between the claim and the write nobody can tell whether it was sent.
AROUND_THE_CALL = {
    "claimed, nothing sent": (asking, "release_connection", False, 0),
    "before the call": (wire, "post_reservation", False, 0),
    "after the answer": (wire, "post_reservation", True, 1),
    "before the write": (asking, "record", False, 1),
    "in the write": (recording, "confirm", False, 1),
    "in the write, reservation moved": (recording, "move", True, 1),
}


@pytest.mark.parametrize("boundary", AROUND_THE_CALL)
@pytest.mark.parametrize("found", [True, False])
def test_killed_around_the_call_it_is_never_sent_again(boundary, found, ask, killed, epg, patient):
    target, name, after, reservations = AROUND_THE_CALL[boundary]
    with killed(target, name, after=after):
        ask()
    assert state() == (Status.REQUESTED, EpgStatus.CALLING, EpgTask.NONE)

    sweep()
    assert state()[1] == EpgStatus.CALLING, "its process may still be waiting for the answer"
    later()
    sweep()
    sweep()

    assert state() == (Status.REQUESTED, EpgStatus.UNKNOWN, EpgTask.RESOLVE)
    assert EpgRequest.objects.get().answer == "interrupted"
    assert len(epg.reservations()) == len(epg.calls(RESERVATION)) == reservations
    assert ask().json()["status"] == "requested"
    assert_one_charge(patient)

    request = EpgRequest.objects.get()
    pharmacist = make_pharmacist(request.pharmacy)
    if found:
        resolving.found_upstream(request, number="R000001", by=pharmacist)
        assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.NONE)
    else:
        resolving.not_found_upstream(request, reason="x", by=pharmacist)
        assert state() == (Status.REJECTED, EpgStatus.REFUSED, EpgTask.NONE)
    assert_one_charge(patient, returned=not found)
    assert len(epg.reservations()) == reservations


def test_killed_after_the_write_the_answer_is_found_by_looking(ask, killed, epg, patient):
    with killed(asking, "record", after=True):
        ask()

    assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.NONE)
    later()
    sweep()
    again = ask()
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert len(epg.reservations()) == 1
    assert_one_charge(patient)


def test_process_that_was_slow_and_not_dead_still_tells(ask, epg, patient, monkeypatch):
    genuine = asking.adapter.reserve

    def slow(order, *, deadline):
        reply = genuine(order, deadline=deadline)
        later()
        sweep()
        assert state() == (Status.REQUESTED, EpgStatus.UNKNOWN, EpgTask.RESOLVE)
        return reply

    monkeypatch.setattr(asking.adapter, "reserve", slow)

    assert ask().json()["status"] == "confirmed"
    assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.NONE)
    assert len(epg.reservations()) == 1
    assert_one_charge(patient)
