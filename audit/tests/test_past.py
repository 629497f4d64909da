"""Events of before, written many at once: provable like any other, and one seal."""

from datetime import UTC, datetime

import pytest

from audit.enums import Action
from audit.models import Event, EventPersonal, Seal
from audit.past import PastEvent, write_past
from audit.seals import sealing
from audit.seals.verifying import verify
from audit.services import record

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2021, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)


def past(number, **fields):
    given = {"action": "import.event", "entity": "user", "changes": {"imported": {"id": number, "action": "Déjà"}}}
    return PastEvent(occurred_at=LONG_AGO, **{**given, **fields})


def test_past_events_keep_their_time_and_are_provable():
    one = past(1, ip="10.0.0.1", actor_kind="user", actor_id="7", amount=500)
    assert write_past([one, past(2)], request_id="r") == 2

    first, second = Event.objects.order_by("id")
    assert (first.occurred_at, first.actor_id, first.amount) == (LONG_AGO, "7", 500)
    assert first.changes == {"imported": {"id": 1, "action": "Déjà"}}
    assert EventPersonal.objects.get().event == first
    assert EventPersonal.objects.get().ip == "10.0.0.1"
    assert second.request_id == "r"
    result = verify()
    assert (result.findings, result.unsealed) == ([], 2)


def test_events_sealed_together_are_one_seal_whatever_their_number(monkeypatch):
    monkeypatch.setattr(sealing, "BATCH", 2)
    for _ in range(3):
        record(Action.USER_CREATED, entity="user")
    with sealing.sealed_together():
        write_past((past(number) for number in range(7)), request_id="r")

    assert list(Seal.objects.order_by("number").values_list("count", flat=True)) == [2, 1, 7]
    assert verify().findings == []


def test_nothing_is_sealed_where_what_belongs_together_fails():
    def broken():
        yield past(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), sealing.sealed_together():
        write_past(broken(), request_id="r")

    assert not Event.objects.exists()
    assert not Seal.objects.exists()
