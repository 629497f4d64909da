import uuid

import pytest

from accounts.tests.factories import make_user
from catalog.enums import ProductKind
from catalog.generics import MOST, amounts, generics_of
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory

URL = "/api/v1/availability/"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("DOLIPRANE 1000 mg, comprimé de 8", "PARACETAMOL X 1 g, comprimé de 8", True),
        ("DOLIPRANE 1 000 mg, comprimé de 8", "PARACETAMOL X 1 g, comprimé de 8", True),
        ("A 0,5 mg de 30", "B 500 microgrammes de 30", True),
        ("A 2,50 mg", "B 2,5 mg", True),
        ("A 5 mg/ml, 10 ml", "B 5 mg/1 ml, 1 cl", True),
        ("A 5 mg/10 mg de 30", "B 10 mg/5 mg de 30", False),
        ("A 1 g de 8", "B 1 g de 16", False),
        ("A 500 mg de 8", "B 1 g de 8", False),
        ("A 1 % 15 g", "B 2 % 15 g", False),
        ("A 5 mg/ml", "B 5 mg", False),
        ("A 10 gélules", "B 10 g", False),
    ],
)
def test_amounts(one, other, same):
    assert (amounts(one) == amounts(other)) is same


def paracetamol(code, label="PARACETAMOL 1 g, comprimé de 8", **fields):
    return ProductFactory(code=code, label=label, **{"substance": "PARACETAMOL", "form": "comprimé"} | fields).code


@pytest.mark.django_db
def test_generics_have_the_same_substance_form_strength_and_pack():
    paracetamol("A", "DOLIPRANE 1000 mg, comprimé de 8")
    paracetamol("B")
    paracetamol("C", "PARACETAMOL 500 mg, comprimé de 8")
    paracetamol("D", "PARACETAMOL 1 g, comprimé de 16")
    paracetamol("E", form="gélule")
    paracetamol("F", substance="IBUPROFÈNE")
    paracetamol("G", is_active=False)
    paracetamol("H", kind=ProductKind.PARAPHARMACY)
    paracetamol("I", substance="Paracetamol")
    assert generics_of(["A"]) == {"A": ["B", "I"]}
    assert generics_of(["A", "B"]) == {"A": ["I"], "B": ["I"]}
    ProductFactory(code="X", label="Sans 1 g", substance="")
    ProductFactory(code="Y", label="Sans 1 g", substance="")
    assert generics_of(["X"]) == {}


@pytest.mark.django_db
def test_generics_have_the_same_substance_whatever_the_case_of_its_accents():
    for code, substance in (("A", "Acide acétylsalicylique"), ("B", "ACIDE ACÉTYLSALICYLIQUE"), ("C", "acide acetyl")):
        paracetamol(code, substance=substance)
    assert generics_of(["A"]) == {"A": ["B"]}
    assert generics_of(["B"]) == {"B": ["A"]}


@pytest.mark.django_db
def test_generics_are_bounded():
    paracetamol("A")
    for number in range(MOST + 1):
        paracetamol(f"B{number:02}")
    assert generics_of(["A"])["A"] == [f"B{number:02}" for number in range(MOST)]


@pytest.fixture
def post(api):
    client = api(make_user(credits=10))

    def send(*lines, **fields):
        body = {"lines": [{"product": code, "quantity": units} for code, units in lines], **fields}
        answer = client.post(URL, body, format="json", headers={"Idempotency-Key": uuid.uuid4().hex})
        assert answer.status_code == 200, answer.content
        return answer.json()

    return send


def told(lines):
    return [(line["product"], line["replaces"], line["price"]) for line in lines]


@pytest.mark.django_db
def test_generic_is_offered_only_where_accepted_and_says_what_it_replaces(post):
    stock = StockFactory(product_code=paracetamol("B"), price=700)
    paracetamol("A", "DOLIPRANE 1000 mg, comprimé de 8")
    for fields in ({}, {"accept_generics": False}):
        refused = post(("A", 2), **fields)
        assert refused["pharmacies"] == []
        assert [plan["missing"] for plan in refused["plans"]] in ([], [["A"]])
    answer = post(("A", 2), accept_generics=True)
    (pharmacy,) = answer["pharmacies"]
    assert told(pharmacy["lines"]) == [("B", "A", 700)]
    assert pharmacy["missing"] == []
    assert pharmacy["lines"][0]["requested"] == 2
    (plan,) = answer["plans"]
    (stop,) = plan["stops"]
    assert stop["pharmacy"] == stock.pharmacy.code
    assert stop["lines"] == [{"product": "B", "quantity": 2, "price": 700, "replaces": "A"}]
    assert (plan["total"], plan["missing"]) == (1400, [])


@pytest.mark.django_db
def test_what_was_asked_for_comes_before_its_cheaper_generic(post):
    stock = StockFactory(product_code=paracetamol("A"), price=1000, quantity=2)
    StockFactory(product_code=paracetamol("B"), pharmacy=stock.pharmacy, price=100)
    StockFactory(product_code=paracetamol("C"), pharmacy=stock.pharmacy, price=50, quantity=1)
    enough = post(("A", 2), accept_generics=True)
    assert told(enough["pharmacies"][0]["lines"]) == [("A", None, 1000)]
    short = post(("A", 3), accept_generics=True)
    # The cheapest of those that there are enough boxes of.
    assert told(short["pharmacies"][0]["lines"]) == [("A", None, 1000), ("B", "A", 100)]
    assert told(short["plans"][0]["stops"][0]["lines"]) == [("B", "A", 100)]
    assert short["plans"][0]["total"] == 300


@pytest.mark.django_db
def test_boxes_of_a_generic_are_counted_once(post):
    """Two lines cannot both be served by the same boxes, nor by those of a product that is asked for itself."""
    stock = StockFactory(product_code=paracetamol("G"), price=100, quantity=3)
    paracetamol("A")
    paracetamol("B")
    answer = post(("A", 2), ("B", 2), accept_generics=True)
    (pharmacy,) = answer["pharmacies"]
    assert told(pharmacy["lines"]) == [("G", "A", 100)]
    assert pharmacy["missing"] == ["B"]
    assert answer["plans"][0]["missing"] == ["B"]
    asked_itself = post(("A", 2), ("G", 2), accept_generics=True)
    assert told(asked_itself["pharmacies"][0]["lines"]) == [("G", None, 100)]
    assert asked_itself["pharmacies"][0]["missing"] == ["A"]
    assert stock.quantity == 3


@pytest.mark.django_db
def test_every_line_is_listed_or_missing_at_each_pharmacy(post):
    here, there = PharmacyFactory(name="A"), PharmacyFactory(name="B")
    codes = [paracetamol(f"P{number}", f"Un {number} mg") for number in range(3)]
    StockFactory(product_code=codes[0], pharmacy=here)
    StockFactory(product_code=codes[1], pharmacy=there, price=None)
    answer = post(*((code, 1) for code in codes))
    shown = [([line["product"] for line in each["lines"]], each["missing"]) for each in answer["pharmacies"]]
    assert shown == [(["P0"], ["P1", "P2"]), (["P1"], ["P0", "P2"])]
