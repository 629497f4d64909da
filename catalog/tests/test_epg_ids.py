"""EPG's identifiers: 24 hexadecimal digits, of one pharmacy each; and no price of stock without end."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.enums import Role
from accounts.tests.factories import make_user
from catalog.exceptions import EpgIdTaken
from catalog.models import Pharmacy, Stock
from catalog.services.pharmacies import save_pharmacy
from catalog.tests.factories import PharmacyFactory, StockFactory
from common.errors import Invalid
from common.money import MAX_PRICE
from tests.threads import run_together

pytestmark = pytest.mark.django_db

ID = "64b0000000000000000000d2"
WRONG = ("64b0000000000000000000d", f"{ID}0", "64b0000000000000000000g2", f"{ID}\n0", "E-1")


def test_identifier_is_kept_in_small_letters():
    assert PharmacyFactory(epg_id=f" {ID.upper()} ").epg_id == ID
    assert Pharmacy.objects.get().epg_id == ID


@pytest.mark.parametrize("epg_id", WRONG)
def test_identifier_that_is_none_of_epgs_is_refused(epg_id):
    with pytest.raises(Invalid) as refusal, transaction.atomic():
        PharmacyFactory(epg_id=epg_id)

    assert [(error.field, error.code) for error in refusal.value.errors] == [("epg_id", "invalid")]
    assert not Pharmacy.objects.exists()


def test_identifier_of_another_pharmacy_is_refused():
    PharmacyFactory(epg_id=ID)
    for _each in range(2):
        PharmacyFactory(epg_id="")

    with pytest.raises(EpgIdTaken), transaction.atomic():
        PharmacyFactory(epg_id=ID.upper())

    assert Pharmacy.objects.filter(epg_id=ID).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_pharmacies_at_once_do_not_get_one_identifier():
    pharmacies = [PharmacyFactory() for _each in range(4)]

    def give(number):
        pharmacy = pharmacies[number]
        pharmacy.epg_id = ID
        save_pharmacy(pharmacy, by=None)

    results = run_together(4, give)

    assert results.count(None) == 1
    assert {type(result) for result in results if result is not None} == {EpgIdTaken}
    assert Pharmacy.objects.filter(epg_id=ID).count() == 1


@pytest.mark.parametrize("epg_id", [*WRONG, ID.upper(), " "])
def test_database_refuses_it_too(epg_id):
    pharmacy = PharmacyFactory()

    with pytest.raises(IntegrityError), transaction.atomic():
        Pharmacy.objects.filter(pk=pharmacy.pk).update(epg_id=epg_id)


@pytest.mark.parametrize(
    ("epg_id", "sentence"),
    [
        ("E-1", "Un identifiant EPG a 24 chiffres hexadécimaux (0 à 9, a à f)."),
        (ID.upper(), "Une autre pharmacie a déjà cet identifiant EPG."),
    ],
)
def test_form_says_what_is_wrong(client, epg_id, sentence):
    PharmacyFactory(epg_id=ID)
    client.force_login(make_user(Role.ADMIN))
    fields = {"code": "NEW", "name": "Nouvelle", "town": "Libreville", "phones": "", "is_active": "on"}
    inlines = {
        f"{inline}-{name}": 0 for inline in ("opening_hours", "members") for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }

    answer = client.post(reverse("admin:catalog_pharmacy_add"), fields | inlines | {"epg_id": epg_id})

    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert Pharmacy.objects.count() == 1
    given = client.post(reverse("admin:catalog_pharmacy_add"), fields | inlines | {"epg_id": f"A{ID[1:]}"})
    assert (given.status_code, Pharmacy.objects.get(code="NEW").epg_id) == (302, f"a{ID[1:]}")


def test_price_of_stock_has_a_ceiling():
    stock = StockFactory(price=MAX_PRICE)

    with pytest.raises(IntegrityError), transaction.atomic():
        Stock.objects.filter(pk=stock.pk).update(price=MAX_PRICE + 1)
