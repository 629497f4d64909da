import pytest
from django.urls import reverse

from accounts.enums import Role
from accounts.tests.factories import make_user
from catalog.enums import HoursStatus
from catalog.models import Pharmacy, PharmacyMember, Product, SearchEntry, Stock
from catalog.tests.factories import PharmacyFactory, PharmacyMemberFactory, ProductFactory, StockFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    client.force_login(make_user(Role.ADMIN))
    return client


@pytest.fixture
def pharmacist(client):
    """A pharmacist of the pharmacy `MINE`."""
    user = make_user(Role.PHARMACIST)
    PharmacyMemberFactory(pharmacy=PharmacyFactory(code="MINE"), user=user)
    client.force_login(user)
    return client


def changelist(client, model, **params):
    answer = client.get(reverse(f"admin:catalog_{model}_changelist"), params)
    assert answer.status_code == 200
    return [str(row.pk) for row in answer.context["cl"].result_list]


def fields_of(client, url):
    """What the page's form would send back unchanged."""
    answer = client.get(url)
    assert answer.status_code == 200
    context = answer.context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    data = {}
    for form in forms:
        for bound in form:
            value = bound.value()
            if hasattr(bound.field.widget, "decompress"):
                for part, name in zip(bound.field.widget.decompress(value), ("_0", "_1"), strict=True):
                    data[bound.html_name + name] = part if part is not None else ""
            elif value is not None and value is not False:
                data[bound.html_name] = value
            if bound.field.show_hidden_initial:
                data[bound.html_initial_name] = value
    return data


@pytest.mark.parametrize("model", ["product", "pharmacy", "stock", "searchentry"])
def test_every_list_and_page_opens(admin, model):
    stock = StockFactory(product_code=ProductFactory(code="A").code)
    pk = {
        "product": "A",
        "pharmacy": stock.pharmacy_id,
        "stock": stock.pk,
        "searchentry": SearchEntry.objects.get(code="A").pk,
    }[model]
    assert changelist(admin, model) == [str(pk)]
    assert admin.get(reverse(f"admin:catalog_{model}_change", args=[pk])).status_code == 200


@pytest.mark.parametrize("rows", [1, 3])
def test_stock_list_takes_as_many_queries_for_any_number_of_rows(admin, django_assert_num_queries, rows):
    StockFactory.create_batch(rows)
    # Session, user, the capped count and the page.
    with django_assert_num_queries(4):
        assert len(changelist(admin, "stock")) == rows


def test_lists_are_searched_as_patients_search(admin):
    ProductFactory(code="A", label="DOLIPRANE 1000 mg", substance="PARACÉTAMOL")
    ProductFactory(code="B", label="SPASFON")
    stock = StockFactory(product_code="A", pharmacy=PharmacyFactory(name="Pharmacie de l'Église", town="Lambaréné"))
    StockFactory(product_code="B")
    assert changelist(admin, "product", q="dolipranne") == ["A"]
    assert changelist(admin, "stock", q="paracetamol") == [str(stock.pk)]
    assert changelist(admin, "searchentry", q="A") == [str(SearchEntry.objects.get(code="A").pk)]
    assert changelist(admin, "pharmacy", q="LAMBARENE eglise") == [str(stock.pharmacy_id)]


def test_lists_are_filtered(admin):
    ProductFactory(code="A", price=None)
    ProductFactory(code="B", kind="parapharmacy", is_active=False)
    some = StockFactory(product_code="A", quantity=1, price=None)
    none = StockFactory(product_code="B", quantity=0)
    assert changelist(admin, "product", has_price="no") == ["A"]
    assert changelist(admin, "product", kind__exact="parapharmacy") == ["B"]
    assert changelist(admin, "product", is_active__exact="0") == ["B"]
    assert changelist(admin, "stock", in_stock="yes") == [str(some.pk)]
    assert changelist(admin, "stock", in_stock="no") == [str(none.pk)]
    assert changelist(admin, "stock", has_price="yes") == [str(none.pk)]


def test_product_is_added_and_edited_with_its_search_entry(admin):
    data = {"code": "P-1", "label": "Crème solaire", "kind": "parapharmacy", "currency": "XAF", "is_active": "on"}
    assert admin.post(reverse("admin:catalog_product_add"), data).status_code == 302
    assert SearchEntry.objects.get(code="P-1").text == "creme solaire p 1"
    url = reverse("admin:catalog_product_change", args=["P-1"])
    sent = fields_of(admin, url) | {"label": "Lait solaire", "code": "P-2"}
    assert admin.post(url, sent).status_code == 302
    assert list(Product.objects.values_list("code", "label")) == [("P-1", "Lait solaire")]
    assert SearchEntry.objects.get().label == "Lait solaire"


@pytest.mark.parametrize(
    "changes", [{"code": "a b"}, {"label": ""}, {"label": "x" * 661}, {"price": "0"}, {"price": "-1"}]
)
def test_product_that_cannot_be_is_refused(admin, changes):
    data = {"code": "P-1", "label": "Crème", "kind": "parapharmacy", "currency": "XAF", "is_active": "on", **changes}
    answer = admin.post(reverse("admin:catalog_product_add"), data)
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert not Product.objects.exists()


def test_product_is_deleted_with_its_search_entry(admin):
    ProductFactory(code="A")
    answer = admin.post(reverse("admin:catalog_product_delete", args=["A"]), {"post": "yes"})
    assert answer.status_code == 302
    assert not SearchEntry.objects.exists()


def test_search_entries_are_never_edited(admin):
    ProductFactory(code="A")
    pk = SearchEntry.objects.get().pk
    assert admin.get(reverse("admin:catalog_searchentry_add")).status_code == 403
    assert admin.post(reverse("admin:catalog_searchentry_delete", args=[pk]), {"post": "yes"}).status_code == 403
    assert admin.post(reverse("admin:catalog_searchentry_change", args=[pk]), {"label": "x"}).status_code == 403
    assert SearchEntry.objects.get().code == "A"


def test_pharmacy_takes_phones_as_people_write_them(admin):
    pharmacy = PharmacyFactory(code="A", phones=["+24177123456"])
    url = reverse("admin:catalog_pharmacy_change", args=[pharmacy.pk])
    data = fields_of(admin, url)
    assert data["phones"] == "+24177123456"
    sent = data | {"phones": "011 44 57 07 / 066 15 80 00\n07 12 34 56", "town": "Lambaréné"}
    assert admin.post(url, sent).status_code == 302
    pharmacy.refresh_from_db()
    assert pharmacy.phones == ["+24111445707", "+24166158000", "+24177123456"]
    assert pharmacy.town_key == "lambarene"
    refused = admin.post(url, data | {"phones": "12"})
    assert "phones" in refused.context["adminform"].form.errors


def test_pharmacy_with_half_a_position_is_refused(admin):
    pharmacy = PharmacyFactory()
    url = reverse("admin:catalog_pharmacy_change", args=[pharmacy.pk])
    answer = admin.post(url, fields_of(admin, url) | {"latitude": ""})
    assert answer.context["adminform"].form.errors
    pharmacy.refresh_from_db()
    assert pharmacy.latitude == 0.3924


def test_hours_entered_count_and_not_the_text_that_is_edited_with_them(admin):
    pharmacy = PharmacyFactory(hours="Lun-Sam: 8h-19h, Dim: fermé")
    url = reverse("admin:catalog_pharmacy_change", args=[pharmacy.pk])
    text = {"hours": "Lun-Mar: 9h-18h"}
    data = fields_of(admin, url) | text | {"opening_hours-0-closes": "20:00", "opening_hours-1-DELETE": "on"}
    assert admin.post(url, data).status_code == 302
    pharmacy.refresh_from_db()
    assert (pharmacy.hours, pharmacy.hours_status) == ("Lun-Mar: 9h-18h", HoursStatus.ENTERED)
    rest = [(day, 480, 1140) for day in (2, 3, 4, 5)]
    assert list(pharmacy.opening_hours.values_list("day", "opens", "closes")) == [(0, 480, 1200), *rest]


def test_hours_text_that_is_edited_alone_is_read(admin):
    pharmacy = PharmacyFactory(hours="Lun-Sam: 8h-19h, Dim: fermé")
    url = reverse("admin:catalog_pharmacy_change", args=[pharmacy.pk])
    assert admin.post(url, fields_of(admin, url) | {"hours": "Lun-Mar: 9h-18h"}).status_code == 302
    pharmacy.refresh_from_db()
    assert pharmacy.hours_status == HoursStatus.READ
    assert list(pharmacy.opening_hours.values_list("day", "opens", "closes")) == [(0, 540, 1080), (1, 540, 1080)]


def test_pharmacy_members_are_edited_with_it(admin):
    pharmacy = PharmacyFactory()
    user = make_user(Role.PHARMACIST)
    url = reverse("admin:catalog_pharmacy_change", args=[pharmacy.pk])
    data = fields_of(admin, url) | {
        "members-TOTAL_FORMS": "1",
        "members-0-pharmacy": pharmacy.pk,
        "members-0-user": user.pk,
    }
    assert admin.post(url, data).status_code == 302
    assert PharmacyMember.objects.filter(pharmacy=pharmacy, user=user).exists()


def test_stock_page_left_open_does_not_undo_what_was_collected(admin):
    stock = StockFactory(quantity=10, price=1500)
    url = reverse("admin:catalog_stock_change", args=[stock.pk])
    data = fields_of(admin, url)
    Stock.objects.filter(pk=stock.pk).update(quantity=8)
    assert admin.post(url, data | {"price": "1600"}).status_code == 302
    stock.refresh_from_db()
    assert (stock.quantity, stock.price) == (8, 1600)
    assert admin.post(url, data | {"quantity": "12"}).status_code == 302
    stock.refresh_from_db()
    assert stock.quantity == 12


def test_pharmacist_keeps_the_stock_of_their_own_pharmacy(pharmacist):
    mine = StockFactory(pharmacy=Pharmacy.objects.get(code="MINE"), quantity=5)
    other = StockFactory(quantity=5)
    assert changelist(pharmacist, "stock") == [str(mine.pk)]
    assert changelist(pharmacist, "pharmacy") == [str(mine.pharmacy_id)]
    url = reverse("admin:catalog_stock_change", args=[mine.pk])
    assert pharmacist.post(url, fields_of(pharmacist, url) | {"quantity": "7"}).status_code == 302
    mine.refresh_from_db()
    assert mine.quantity == 7
    theirs = reverse("admin:catalog_stock_change", args=[other.pk])
    assert pharmacist.get(theirs).status_code == 302
    pharmacist.post(theirs, {"quantity": "7", "price": "1", "currency": "XAF"})
    other.refresh_from_db()
    assert other.quantity == 5


def test_pharmacist_adds_stock_to_their_own_pharmacy_only(pharmacist):
    mine, other = Pharmacy.objects.get(code="MINE"), PharmacyFactory()
    data = {
        "product_code": ProductFactory().code,
        "quantity": "3",
        "initial-quantity": "",
        "price": "500",
        "currency": "XAF",
        "observed_at_0": "21/11/2026",
        "observed_at_1": "08:00:00",
    }
    url = reverse("admin:catalog_stock_add")
    refused = pharmacist.post(url, data | {"pharmacy": other.pk})
    assert "pharmacy" in refused.context["adminform"].form.errors
    assert not Stock.objects.exists()
    assert pharmacist.post(url, data | {"pharmacy": mine.pk}).status_code == 302
    assert Stock.objects.get().pharmacy_id == mine.pk


def test_pharmacist_keeps_phones_hours_and_listing_of_their_own_pharmacy(pharmacist):
    mine, other = Pharmacy.objects.get(code="MINE"), PharmacyFactory(code="OTHER")
    url = reverse("admin:catalog_pharmacy_change", args=[mine.pk])
    hours = {
        "opening_hours-TOTAL_FORMS": 2,
        "opening_hours-0-pharmacy": mine.pk,
        "opening_hours-0-day": 0,
        "opening_hours-0-opens": "08:00",
        "opening_hours-0-closes": "19:30",
        "opening_hours-1-pharmacy": mine.pk,
        "opening_hours-1-day": 5,
        "opening_hours-1-opens": "19:00",
        "opening_hours-1-closes": "08:00",
    }
    sent = {"phones": "077 12 34 57", "accepts_cnamgs": "on", "name": "x", "is_active": "", "epg_id": "x"}
    data = {name: value for name, value in fields_of(pharmacist, url).items() if name != "is_listed"}
    assert pharmacist.post(url, data | hours | sent).status_code == 302
    mine.refresh_from_db()
    assert (mine.phones, mine.is_listed, mine.accepts_cnamgs) == (["+24177123457"], False, True)
    assert (mine.name == "x", mine.is_active, mine.epg_id) == (False, True, "")
    assert mine.hours_status == HoursStatus.ENTERED
    assert list(mine.opening_hours.values_list("day", "opens", "closes")) == [(0, 480, 1170), (5, 1140, 1920)]
    assert pharmacist.get(reverse("admin:catalog_pharmacy_change", args=[other.pk])).status_code == 302
    assert pharmacist.post(reverse("admin:catalog_pharmacy_change", args=[other.pk]), data | hours).status_code == 302
    assert not other.opening_hours.exists()


def test_pharmacist_changes_neither_duty_nor_products(pharmacist):
    mine = Pharmacy.objects.get(code="MINE")
    ProductFactory(code="A")
    assert pharmacist.get(reverse("admin:catalog_dutyperiod_add")).status_code == 403
    assert pharmacist.get(reverse("admin:catalog_pharmacy_add")).status_code == 403
    assert pharmacist.post(reverse("admin:catalog_product_change", args=["A"]), {"label": "x"}).status_code == 403
    assert pharmacist.post(reverse("admin:catalog_product_delete", args=["A"]), {"post": "yes"}).status_code == 403
    mine.refresh_from_db()
    assert mine.name != "x"
    assert Product.objects.get().label != "x"
