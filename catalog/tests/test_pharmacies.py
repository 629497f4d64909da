import pytest
from django.db import IntegrityError, transaction

from accounts.tests.factories import make_user
from audit.models import Event
from catalog.models import Pharmacy
from catalog.rows import Counts, PharmacyRow
from catalog.services.pharmacies import save_pharmacy, upsert_pharmacies
from catalog.tests.factories import PharmacyFactory, PharmacyMemberFactory, StockFactory

pytestmark = pytest.mark.django_db

ROW = PharmacyRow(code="A", name="Pharmacie du Cap", town="Port-Gentil", latitude=-0.71, longitude=8.78)


def test_upsert_pharmacies_creates_updates_and_leaves():
    assert upsert_pharmacies([ROW]) == Counts(created=1)
    assert upsert_pharmacies([ROW]) == Counts(unchanged=1)
    moved = PharmacyRow(code="A", name="Pharmacie du Cap", town="Port-Gentil", phones=("+24111552164",))
    assert upsert_pharmacies([moved]) == Counts(updated=1)
    pharmacy = Pharmacy.objects.get()
    assert (pharmacy.phones, pharmacy.latitude) == (["+24111552164"], None)
    assert Event.objects.filter(action="catalog.pharmacies_imported").count() == 2


def test_save_pharmacy_keeps_the_words_it_is_found_by():
    pharmacy = PharmacyFactory(code="A", name="Pharmacie de l'Église", town="Lambaréné", quarter="Isaac")
    assert (pharmacy.search_text, pharmacy.town_key) == ("pharmacie de l eglise lambarene isaac a", "lambarene")
    pharmacy.town = "Oyem"
    save_pharmacy(pharmacy, by=None)
    pharmacy.refresh_from_db()
    assert (pharmacy.search_text, pharmacy.town_key) == ("pharmacie de l eglise oyem isaac a", "oyem")


def test_positions_are_stored_to_the_centimetre():
    pharmacy = PharmacyFactory(latitude=5e-324, longitude=9.123456789)
    assert (pharmacy.latitude, pharmacy.longitude) == (0.0, 9.1234568)


@pytest.mark.parametrize(
    "fields",
    [
        {"code": ""},
        {"name": ""},
        {"latitude": 91},
        {"longitude": -181},
        {"latitude": None},
        {"longitude": None},
    ],
)
def test_pharmacy_constraints(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        PharmacyFactory(**fields)


def test_pharmacy_member_is_unique():
    member = PharmacyMemberFactory(user=make_user())
    with pytest.raises(IntegrityError), transaction.atomic():
        PharmacyMemberFactory(pharmacy=member.pharmacy, user=member.user)


def test_pharmacy_with_stock_is_not_deleted():
    stock = StockFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        stock.pharmacy.delete()
    assert Pharmacy.objects.filter(pk=stock.pharmacy_id).exists()
