"""Reference data: every create, edit and delete is an event with what changed."""

import pytest
from django.db import transaction

from accounts.enums import Role
from accounts.models import PriceList, Rate
from accounts.tests.factories import make_user
from appointments.models import Practitioner, Specialty, TimeOff, VisitType, WorkingHours
from appointments.tests.factories import at, make_practitioner, make_time_off
from audit.models import Event
from audit.reference_data import AUDITED
from audit.tests.proof import unproven
from catalog.models import DutyPeriod, Holiday, OpeningHours, Pharmacy, PharmacyMember, PlannedPrice, Product
from catalog.tests.factories import PharmacyFactory, ProductFactory
from common.context import acting
from common.tests.rows import contents
from marketplaces.models import Brand, Category, Color, Condition, Material, Plan, Size, SubscriptionQuota
from marketplaces.models.attributes import (
    BrandChannelId,
    CategoryChannelId,
    ColorChannelId,
    ConditionChannelId,
    MaterialChannelId,
    SizeChannelId,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def rate():
    return Rate.objects.create(label="Famille", price=2500, credits=30)


def _events():
    return list(Event.objects.filter(action__startswith="reference.").order_by("id"))


def _newest(count_before):
    (event,) = _events()[count_before:]
    return event


def test_what_is_audited():
    assert set(AUDITED) == {
        *(Rate, PriceList),
        *(Product, PlannedPrice, Pharmacy, PharmacyMember, OpeningHours, DutyPeriod, Holiday),
        *(Specialty, Practitioner, VisitType, WorkingHours, TimeOff),
        *(Plan, SubscriptionQuota),
        *(Brand, Category, Color, Condition, Material, Size),
        *(BrandChannelId, CategoryChannelId, ColorChannelId, ConditionChannelId, MaterialChannelId, SizeChannelId),
    }


def test_create_edit_delete(rate):
    rate.price = 3000
    rate.label = "Famille plus"
    rate.save()
    pk = rate.pk
    rate.delete()

    created, updated, deleted = _events()
    whole = {"id": pk, "label": "Famille", "price": 2500, "currency": "XAF", "credits": 30, "is_active": True}
    assert (created.action, created.entity, created.entity_id) == ("reference.created", "rate", str(pk))
    assert created.changes == {"new": whole}
    assert updated.action == "reference.updated"
    assert updated.changes == {
        "old": {"label": "Famille", "price": 2500},
        "new": {"label": "Famille plus", "price": 3000},
    }
    assert deleted.action == "reference.deleted"
    assert deleted.changes == {"old": {**whole, "price": 3000, "label": "Famille plus"}}
    assert unproven() == []


def test_edit_that_changes_nothing_is_no_event(rate):
    rate.save()
    Rate.objects.get().save()

    assert len(_events()) == 1


def test_only_what_is_written_is_told(rate):
    rate.price, rate.label = 1, "Autre"
    rate.save(update_fields=["label"])

    assert _newest(1).changes == {"old": {"label": "Famille"}, "new": {"label": "Autre"}}
    assert Rate.objects.get().price == 2500


def test_old_is_what_the_database_had(rate):
    """Two people have the same page open: the second one's save undoes the first one's, and the log says so."""
    first, second = Rate.objects.get(), Rate.objects.get()
    first.price = 9999
    first.save()
    second.label = "Autre"
    second.save()

    assert _newest(2).changes == {
        "old": {"label": "Famille", "price": 9999},
        "new": {"label": "Autre", "price": 2500},
    }


def test_row_refreshed_before_the_edit(rate):
    Rate.objects.filter(pk=rate.pk).update(price=7)
    rate.refresh_from_db()
    rate.price = 8
    rate.save()

    assert _newest(1).changes == {"old": {"price": 7}, "new": {"price": 8}}


def test_row_loaded_in_part(rate):
    partial = Rate.objects.only("label").get()
    partial.label = "Autre"
    partial.save()

    assert _newest(1).changes == {"old": {"label": "Famille"}, "new": {"label": "Autre"}}


def test_same_value_in_another_type_is_no_change(rate):
    rate.price = "2500"
    rate.save()

    assert len(_events()) == 1


def test_every_model_can_be_created_edited_and_deleted():
    product, pharmacy = ProductFactory(), PharmacyFactory()
    member = PharmacyMember.objects.create(pharmacy=pharmacy, user=make_user(Role.PHARMACIST))
    price = PriceList.objects.create(action="reserve", label="Réserver", credits=2)
    rows = {product: ("label", "Autre"), pharmacy: ("latitude", 1.5), price: ("credits", 3)}
    made = len(_events())
    for row, (field, value) in rows.items():
        setattr(row, field, value)
        row.save()
    for row in (member, product, pharmacy, price):
        row.delete()

    assert [event.action for event in _events()[made:]] == ["reference.updated"] * 3 + ["reference.deleted"] * 4
    assert {event.entity for event in _events()} == {"product", "pharmacy", "pharmacymember", "pricelist"}
    assert unproven() == []


def test_members_that_go_with_their_pharmacy_are_told():
    pharmacy = PharmacyFactory()
    PharmacyMember.objects.create(pharmacy=pharmacy, user=make_user(Role.PHARMACIST))
    made = len(_events())
    pharmacy.delete()

    assert sorted((event.action, event.entity) for event in _events()[made:]) == [
        ("reference.deleted", "pharmacy"),
        ("reference.deleted", "pharmacymember"),
    ]


def test_actor_is_who_edits():
    with acting("user", "7", request_id="r-1"):
        Rate.objects.create(label="x", price=1, credits=1)

    (event,) = _events()
    assert (event.actor_kind, event.actor_id, event.request_id) == ("user", "7", "r-1")


@pytest.mark.parametrize("change", ["create", "edit", "delete"])
def test_change_and_event_succeed_or_fail_together(rate, monkeypatch, change):
    before = contents()

    def fail(*args, **kwargs):
        raise RuntimeError("no event")

    monkeypatch.setattr("audit.reference_data.record", fail)

    @transaction.atomic
    def act():
        if change == "create":
            Rate.objects.create(label="x", price=1, credits=1)
        elif change == "edit":
            rate.price = 1
            rate.save()
        else:
            rate.delete()

    with pytest.raises(RuntimeError):
        act()
    assert contents() == before


def test_why_a_doctor_is_away_is_not_told_for_ever():
    absence = make_time_off(make_practitioner(), at(9), at(10))
    absence.reason = "Opération du genou"
    absence.save()
    absence.reason = "Chimiothérapie"
    absence.save()
    absence.delete()

    events = Event.objects.filter(entity="timeoff").order_by("pk")
    assert [event.changes for event in events][1:3] == [
        {"old": {"reason": ""}, "new": {"reason": "…"}},
        {"old": {"reason": "…"}, "new": {"reason": "…"}},
    ]
    assert events.count() == 4
    for event in events:
        assert "genou" not in str(event.changes)
        assert "Chimio" not in str(event.changes)


def test_what_presents_a_doctor_stands_beside_the_event():
    doctor = make_practitioner(bio="Père de jumeaux")
    before = len(_events())
    doctor.bio, doctor.grid_minutes = "Père de triplés", 20
    doctor.save()

    event = _newest(before)
    assert event.changes == {"old": {"bio": "…", "grid_minutes": 15}, "new": {"bio": "…", "grid_minutes": 20}}
    assert event.personal.values == {"old": {"bio": "Père de jumeaux"}, "new": {"bio": "Père de triplés"}}
    assert unproven() == []
