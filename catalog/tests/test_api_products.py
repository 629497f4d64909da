import pytest
from django.utils import timezone

from catalog import holds
from catalog.models import Product
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def get(api):
    def get(path, **params):
        return api().get(f"/api/v1/{path}", params)

    return get


@pytest.fixture
def held(monkeypatch):
    """Units held by stock id."""
    units = {}
    monkeypatch.setattr(holds, "_functions", {})
    holds.register_holds(lambda stock_ids: {pk: units.get(pk, 0) for pk in stock_ids})
    return units


def test_products_by_label(get):
    ProductFactory(code="B", label="Beta")
    ProductFactory(code="A", label="Alpha", kind="parapharmacy")
    ProductFactory(code="C", label="Gamma", is_active=False)
    answer = get("products/", limit=2).json()
    assert [row["code"] for row in answer["results"]] == ["A", "B"]
    assert answer["meta"] == {"page": 1, "limit": 2, "count": 3}
    assert answer["next"].endswith("/api/v1/products/?limit=2&page=2")
    assert answer["previous"] is None
    assert [row["code"] for row in get("products/", limit=2, page=2).json()["results"]] == ["C"]
    assert [row["code"] for row in get("products/", kind="parapharmacy").json()["results"]] == ["A"]


def test_product(get):
    product = ProductFactory(
        code="3400935294227",
        label="DOLIPRANE 1000 mg, comprimé - tube de 8",
        substance="PARACÉTAMOL",
        category="Antalgiques",
        prescription_required=False,
        price=1430,
        price_is_indicative=True,
    )
    answer = get("products/3400935294227/").json()
    assert answer.pop("updated_at")[:19] == product.updated_at.isoformat()[:19]
    assert answer == {
        "code": "3400935294227",
        "label": "DOLIPRANE 1000 mg, comprimé - tube de 8",
        "substance": "PARACÉTAMOL",
        "form": "comprimé",
        "category": "Antalgiques",
        "kind": "medicine",
        "prescription_required": False,
        "price": 1430,
        "price_is_indicative": True,
        "currency": "XAF",
        "is_active": True,
        "source": "test",
    }


@pytest.mark.parametrize("path", ["products/3400999999999/", "products/3400999999999/availability/"])
def test_product_unknown(get, path):
    answer = get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_product")


def test_search_corrects_and_says_so(get):
    ProductFactory(code="A", label="DOLIPRANE 1000 mg")
    ProductFactory(code="B", label="SPASFON")
    answer = get("products/", q="dolipranne").json()
    assert [row["code"] for row in answer["results"]] == ["A"]
    assert answer["meta"] == {"page": 1, "limit": 20, "count": 1, "corrected": "doliprane", "count_is_capped": False}
    assert get("products/", q="spasfon").json()["meta"]["corrected"] is None


def test_search_pages_and_kind(get):
    for number in range(5):
        ProductFactory(code=f"A{number}", label=f"CREME {number}", kind="parapharmacy")
    ProductFactory(code="B", label="CREME 9")
    first = get("products/", q="creme", kind="parapharmacy", limit=2).json()
    assert [row["code"] for row in first["results"]] == ["A0", "A1"]
    assert first["meta"]["count"] == 5
    third = get("products/", q="creme", kind="parapharmacy", limit=2, page=3).json()
    assert [row["code"] for row in third["results"]] == ["A4"]
    assert third["next"] is None
    assert "page=2" in third["previous"]


def test_search_of_no_words_is_empty(get):
    ProductFactory()
    answer = get("products/", q="!?").json()
    assert (answer["results"], answer["meta"]["count"]) == ([], 0)


def test_search_leaves_out_an_entry_whose_product_is_gone(get):
    product = ProductFactory(label="DOLIPRANE")
    Product.objects.filter(pk=product.pk).delete()
    assert get("products/", q="doliprane").json()["results"] == []


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ({"page": "abc"}, ["page"]),
        ({"page": "0"}, ["page"]),
        ({"page": "-1"}, ["page"]),
        ({"page": "1_0"}, ["page"]),
        ({"page": "٣"}, ["page"]),
        ({"page": "99999999999999999999"}, ["page"]),
        ({"kind": "food"}, ["kind"]),
        ({"kind": "food", "page": ""}, ["page", "kind"]),
        ({"q": "a", "page": "last"}, ["page"]),
    ],
)
def test_products_with_bad_parameters(get, params, fields):
    answer = get("products/", **params)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == fields


@pytest.mark.parametrize("params", [{"page": "2"}, {"page": "2", "q": "beta"}])
def test_products_behind_the_last_page(get, params):
    ProductFactory(label="Beta")
    answer = get("products/", **params)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("params", [{}, {"q": "creme"}, {"kind": "medicine"}])
def test_products_take_two_queries(get, django_assert_num_queries, rows, params):
    for _ in range(rows):
        ProductFactory(label="CREME")
    with django_assert_num_queries(2):
        assert len(get("products/", **params).json()["results"]) == rows


def test_product_takes_one_query(get, django_assert_num_queries):
    product = ProductFactory()
    with django_assert_num_queries(1):
        get(f"products/{product.code}/")


def test_availability(get, held):
    product = ProductFactory(code="A")
    now = timezone.now()
    far = PharmacyFactory(code="FAR", name="A loin", latitude=0.5, longitude=9.5)
    near = PharmacyFactory(code="NEAR", name="Z près", latitude=0.4, longitude=9.4536)
    nowhere = PharmacyFactory(code="NOWHERE", name="B sans position", latitude=None, longitude=None)
    StockFactory(pharmacy=far, product_code="A", quantity=3, price=1000, observed_at=now)
    held[StockFactory(pharmacy=near, product_code="A", quantity=5, price=None).pk] = 2
    StockFactory(pharmacy=nowhere, product_code="A", quantity=1)
    # Nothing of these is to be had: all held, more held than there is, none left, closed down, another product.
    held[StockFactory(product_code="A", quantity=2).pk] = 2
    held[StockFactory(product_code="A", quantity=2).pk] = 3
    StockFactory(product_code="A", quantity=0)
    StockFactory(product_code="A", pharmacy__is_active=False)
    StockFactory()

    answer = get(f"products/{product.code}/availability/", near="0.3924,9.4536").json()
    assert answer["meta"] == {"page": 1, "limit": 20, "count": 3}
    assert [(row["pharmacy"]["code"], row["quantity"], row["price"]) for row in answer["results"]] == [
        ("NEAR", 3, None),
        ("FAR", 3, 1000),
        ("NOWHERE", 1, 1500),
    ]
    nearest, farther, last = answer["results"]
    assert nearest["distance_km"] == nearest["pharmacy"]["distance_km"] == 0.845
    assert farther["distance_km"] == 13.03
    assert last["distance_km"] is None
    assert set(farther) == {"pharmacy", "quantity", "price", "currency", "distance_km", "observed_at", "source"}
    assert (farther["currency"], farther["source"]) == ("XAF", "stock")
    assert farther["observed_at"].startswith(now.isoformat()[:19])

    by_name = get(f"products/{product.code}/availability/").json()["results"]
    assert [row["pharmacy"]["code"] for row in by_name] == ["FAR", "NOWHERE", "NEAR"]
    assert [row["distance_km"] for row in by_name] == [None, None, None]


def test_availability_of_what_nobody_has(get):
    ProductFactory(code="A")
    assert get("products/A/availability/").json()["results"] == []


def test_availability_pages(get):
    ProductFactory(code="A")
    for _ in range(3):
        StockFactory(product_code="A")
    answer = get("products/A/availability/", limit=2).json()
    assert (len(answer["results"]), answer["meta"]["count"]) == (2, 3)
    assert len(get("products/A/availability/", limit=2, page=2).json()["results"]) == 1


@pytest.mark.parametrize("near", ["abc", "1", "1,2,3", "91,0", "0,181", "nan,0", "inf,0", "1e1,0", "1_0,0", ",", "٣,٣"])
def test_availability_near_nowhere(get, near):
    ProductFactory(code="A")
    answer = get("products/A/availability/", near=near)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["near"]


@pytest.mark.parametrize("rows", [1, 3])
def test_availability_takes_six_queries(get, django_assert_num_queries, rows):
    ProductFactory(code="A")
    for _ in range(rows):
        StockFactory(product_code="A")
    # The product, its stock, the holds; duty, hours, holidays.
    with django_assert_num_queries(6):
        assert len(get("products/A/availability/", near="0,9").json()["results"]) == rows
