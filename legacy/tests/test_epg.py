"""The catalogue, who has what, and reserving it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import balance
from audit.models import Event
from catalog.models import Pharmacy, Product, Stock
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory
from catalog.tests.supervisor import AVAILABILITY, forget_everything
from common.models import IdempotencyKey
from legacy.provinces import province_of
from reservations.models import Reservation
from reservations.tests.factories import set_reserve_price

pytestmark = pytest.mark.django_db

PROVINCES = [
    "Estuaire",
    "Haut-Ogooué",
    "Moyen-Ogooué",
    "Ngounié",
    "Nyanga",
    "Ogooué-Ivindo",
    "Ogooué-Lolo",
    "Ogooué-Maritime",
    "Woleu-Ntem",
]
ENTRY = ["cip", "success", "isAvailable", "statut", "qte", "prix_de_vente", "pharmacie"]
PHARMACY = ["id", "nom_pharmacie", "adresse", "province", "souscription", "telephone1", "assurance"]


@pytest.fixture
def doliprane():
    return ProductFactory(code="3400935955838", label="DOLIPRANE 1000 mg, comprimé", price=1_200)


@pytest.fixture
def stock(doliprane):
    return StockFactory(product_code=doliprane.code, price=1_935, quantity=5, pharmacy=PharmacyFactory(quarter="Louis"))


def test_catalogue_pages_begin_at_zero(api):
    for number in range(5):
        ProductFactory(label=f"P{number}", price=None if number == 4 else 1_500)
    ProductFactory(label="P9", is_active=False)
    pages = [api().get(f"/api_epg/all_products/{page}/2").json() for page in range(4)]
    assert [[row["libelle"] for row in page["items"]] for page in pages] == [["P0", "P1"], ["P2", "P3"], ["P4"], []]
    assert {page["pageCount"] for page in pages} == {3}
    assert pages[2]["items"][0] | {"CIP": ""} == {
        "CIP": "",
        "libelle": "P4",
        "prix_vente": 0,
        "photoURL": None,
        "categorie": None,
    }


@pytest.mark.parametrize("count", [1, 3])
def test_catalogue_costs_the_same_for_many(api, django_assert_num_queries, django_assert_max_num_queries, count):
    stocks = [StockFactory(product_code=ProductFactory(label=f"DOLI {number}").code) for number in range(count)]
    client = api()
    for path, queries in (
        ("/api_epg/all_products/0/500", 2),
        ("/api_epg/all_products", 2),
        ("/api_epg/produits/recherche_par_libelle/doli", 4),
    ):
        client.get(path)
        with django_assert_num_queries(queries):
            client.get(path)
    body = {"cip": stocks[0].product_code, "pharmacy": ""}
    client.post("/api_epg/disponibility_product", body, format="json")
    with django_assert_max_num_queries(8):
        client.post("/api_epg/disponibility_product", body, format="json")


def test_shelves(api, stock):
    assert api().get("/api_epg/all_products").json() == [
        {
            "id": stock.pk,
            "name": "DOLIPRANE 1000 mg, comprimé",
            "description": "",
            "price": 1_935,
            "stock": 5,
            "category": "",
            "pharmacy": stock.pharmacy.name,
            "cip": "3400935955838",
        }
    ]


def test_staff_put_a_product_on_a_shelf(api, staff):
    pharmacy = PharmacyFactory()
    body = {
        "name": "CRÈME",
        "description": "solaire",
        "price": "4500",
        "stock": "3",
        "category": "Soin",
        "pharmacy": pharmacy.name,
        "cip": "HOUSE-1",
    }
    answer = api(staff).post("/api_epg/products", body, format="json")
    assert answer.status_code == 201
    stock = Stock.objects.get()
    assert answer.json() == {**body, "id": stock.pk, "price": 4_500, "stock": 3}
    assert (stock.pharmacy, stock.quantity, stock.price) == (pharmacy, 3, 4_500)
    assert Product.objects.get().label == "CRÈME"
    assert [row["libelle"] for row in api().get("/api_epg/products_by_search/creme").json()] == ["CRÈME"]


@pytest.mark.parametrize("change, status", [({"cip": "a b"}, 422), ({"price": "x"}, 422), ({"pharmacy": "?"}, 404)])
def test_product_that_cannot_be_is_nowhere(api, staff, change, status):
    body = {"name": "X", "price": 1, "stock": 1, "pharmacy": PharmacyFactory().code, "cip": "H-1"} | change
    assert api(staff).post("/api_epg/products", body, format="json").status_code == status
    assert (Product.objects.count(), Stock.objects.count()) == (0, 0)


def test_search_at_every_key_in_both_shapes(api, doliprane, stock):
    ProductFactory(label="DOLIPRANE 500MG/5ML", price=None)
    rows = api().get("/api_epg/products_by_search/dol").json()
    assert rows[0] == {
        "CIP": doliprane.code,
        "libelle": doliprane.label,
        "prix_vente": 1_200,
        "photoURL": None,
        "categorie": None,
    }
    assert len(rows) == 2
    assert [row["libelle"] for row in api().get("/api_epg/products_by_search/500MG%2F5ML").json()] == [
        "DOLIPRANE 500MG/5ML"
    ]
    panel = api().get("/api_epg/produits/recherche_par_libelle/doliprane").json()
    assert list(panel[0]) == ["id", "libelle", "cip", "prix_de_vente", "photo", "qte"]
    assert (panel[0]["cip"], panel[0]["qte"], type(panel[0]["id"])) == (doliprane.code, 5, int)
    assert api().get("/api_epg/products_by_search/zzzzzz").json() == []


def test_availability_everywhere_is_also_the_list_of_pharmacies(api, stock):
    empty = PharmacyFactory(town="Franceville", quarter="", phones=[])
    PharmacyFactory(is_active=False)
    body = {"cip": stock.product_code, "pharmacy": "", "name": "x", "price": 1, "stock": 2}
    rows = api().post("/api_epg/disponibility_product", body, format="json").json()["disponibilites"]
    by_name = {row["pharmacie"]["nom_pharmacie"]: row for row in rows}
    assert len(rows) == 2
    assert all(list(row) == ENTRY and list(row["pharmacie"]) == PHARMACY for row in rows)
    has = by_name[stock.pharmacy.name]
    assert (has["isAvailable"], has["statut"], has["qte"], has["prix_de_vente"]) == (True, "disponible", 5, 1_935)
    assert has["pharmacie"] == {
        "id": stock.pharmacy_id,
        "nom_pharmacie": stock.pharmacy.name,
        "adresse": "Louis, Libreville",
        "province": "Estuaire",
        "souscription": "Louis",
        "telephone1": "+24177123456",
        "assurance": "",
    }
    lacks = by_name[empty.name]
    assert (lacks["isAvailable"], lacks["statut"], lacks["qte"], lacks["prix_de_vente"]) == (
        False,
        "indisponible",
        0,
        0,
    )
    assert lacks["pharmacie"]["province"] == "Haut-Ogooué"


def test_availability_in_one_pharmacy_however_it_is_named(api, stock):
    pharmacy = stock.pharmacy
    Pharmacy.objects.filter(pk=pharmacy.pk).update(epg_id="64b000000000000000000001")
    for name in (pharmacy.pk, str(pharmacy.pk), pharmacy.code, "64b000000000000000000001", pharmacy.name):
        body = {"cip": stock.product_code, "pharmacy": name}
        answer = api().post("/api_epg/disponibility_product", body, format="json")
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "pharmacy": {
                    "_id": "64b000000000000000000001",
                    "nom": pharmacy.name,
                    "adresse": "Louis, Libreville",
                    "telephone": "+24177123456",
                },
                "disponibilites": [{"cip": stock.product_code, "success": True, "isAvailable": True}],
            },
        ), name
    answer = api().post("/api_epg/disponibility_product", {"cip": "x", "pharmacy": "?"}, format="json")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Pharmacie inconnue"})


def test_one_pharmacy_that_is_named_is_asked_alone_however_far(api, epg, settings):
    settings.EPG_ANONYMOUS_PHARMACIES, settings.EPG_ANONYMOUS_PER_MINUTE = 1, 2
    stock = epg.stock(epg.pharmacy(name="Z"))
    epg.stock(epg.pharmacy(name="A"), product_code=stock.product_code)

    def ask(name):
        return api().post(
            "/api_epg/disponibility_product", {"cip": stock.product_code, "pharmacy": name}, format="json"
        )

    assert ask("Z").json()["disponibilites"] == [{"cip": stock.product_code, "success": True, "isAvailable": True}]
    assert [call["body"]["pharmacy"] for call in epg.calls(AVAILABILITY)] == [stock.pharmacy.epg_id]
    assert [row["success"] for row in ask("").json()["disponibilites"]] == [True, True]
    forget_everything()
    refused = ask("Z")
    assert (refused.status_code, refused.json()) == (429, {"detail": "Trop de tentatives. Réessayez plus tard."})
    assert "Retry-After" in refused.headers


def test_availability_is_free_and_an_event_where_it_asks_about_a_product(api, patient, stock):
    set_reserve_price(3)
    for code in (stock.product_code, "0000000000000"):
        body = {"cip": code, "pharmacy": ""}
        assert api(patient).post("/api_epg/disponibility_product", body, format="json").status_code == 200
    assert balance(patient) == 10
    event = Event.objects.get(action="catalog.availability_checked")
    assert (event.entity_id, event.actor_id) == (stock.product_code, str(patient.pk))


@pytest.mark.django_db(transaction=True)
def test_availability_at_a_pharmacy_behind_epg(api, epg):
    stock = epg.stock(boxes=4)
    body = {"cip": stock.product_code, "pharmacy": ""}
    [row] = api().post("/api_epg/disponibility_product", body, format="json").json()["disponibilites"]
    assert (row["success"], row["isAvailable"], row["qte"], row["prix_de_vente"]) == (True, True, 1, 1_500)


def _order(stock, quantity=2, **fields):
    return {
        "pharmacy": stock.pharmacy_id,
        "buyer": "Somebody Else",
        "buyerPhone": "000",
        "buyerEmail": "x@example.org",
        "produits": [{"cip": stock.product_code, "quantity": quantity}],
        **fields,
    }


def test_reservation_is_the_callers_and_charges_nothing(api, patient, stock):
    set_reserve_price(3)
    answer = api(patient).post("/api_epg/reservation", _order(stock, "2"), format="json")
    reservation = Reservation.objects.get()
    assert (answer.status_code, answer.json()) == (
        200,
        {"result": {"reservation": reservation.pickup_code, "ttc": 3_870}},
    )
    assert (reservation.user, reservation.credits_charged, balance(patient)) == (patient, 0, 10)


def test_double_click_is_one_reservation_and_later_it_is_another(api, patient, stock):
    client = api(patient)
    answers = [client.post("/api_epg/reservation", _order(stock), format="json").json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert Reservation.objects.count() == 1
    IdempotencyKey.objects.update(updated_at=timezone.now() - timedelta(seconds=6))
    assert client.post("/api_epg/reservation", _order(stock), format="json").status_code == 200
    assert client.post("/api_epg/reservation", _order(stock, 1), format="json").status_code == 200
    assert Reservation.objects.count() == 3


def test_reservation_without_a_sign_in(refused, stock):
    assert refused("post", "/api_epg/reservation", body=_order(stock)) == [(401, {"detail": "Not authenticated"})]
    assert Reservation.objects.count() == 0


@pytest.mark.parametrize(
    "change, status",
    [
        ({"produits": [{"cip": "3400935955838", "quantity": 6}]}, 409),
        ({"produits": [{"cip": "3400999999999", "quantity": 1}]}, 404),
        ({"pharmacy": "?"}, 404),
        ({"produits": []}, 422),
        ({"produits": [{"cip": "3400935955838", "quantity": "1.5"}]}, 422),
        ({"produits": ["x"]}, 422),
        ({"produits": None}, 422),
    ],
)
def test_reservation_that_cannot_be(api, patient, stock, change, status):
    answer = api(patient).post("/api_epg/reservation", _order(stock) | change, format="json")
    assert (answer.status_code, type(answer.json()["detail"])) == (status, list if status == 422 else str)
    assert Reservation.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_reservation_at_a_pharmacy_behind_epg(api, epg, patient):
    answer = api(patient).post("/api_epg/reservation", _order(epg.stock(boxes=4)), format="json")
    reservation = Reservation.objects.get()
    assert (answer.status_code, answer.json()) == (
        200,
        {"result": {"reservation": reservation.pickup_code, "ttc": 3_000}},
    )
    assert reservation.status == "confirmed"


@pytest.mark.django_db(transaction=True)
def test_reservation_that_epg_refuses_is_refused(api, epg, patient):
    stock = epg.stock(boxes=1)
    answer = api(patient).post("/api_epg/reservation", _order(stock), format="json")
    assert (answer.status_code, type(answer.json()["detail"])) == (409, str)
    assert Reservation.objects.get().status == "rejected"


def test_towns_lie_in_one_of_the_nine():
    seen = {town: province_of(town) for town in ("PORT GENTIL", "oyem", "Lambarene", "Makokou (centre)", "Ailleurs")}
    assert seen == {
        "PORT GENTIL": "Ogooué-Maritime",
        "oyem": "Woleu-Ntem",
        "Lambarene": "Moyen-Ogooué",
        "Makokou (centre)": "Ogooué-Ivindo",
        "Ailleurs": "Estuaire",
    }
    towns = "Libreville Franceville Lambaréné Mouila Tchibanga Makokou Koulamoutou Port-Gentil Oyem".split()
    assert [province_of(town) for town in towns] == PROVINCES
