"""Facets, generics, suggestions, and answers that need not be sent twice."""

import pytest

from accounts.tests.factories import make_user
from catalog.tests.factories import PharmacyFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def get(api):
    def get(path, user=None, headers=None, **params):
        return api(user).get(f"/api/v1/{path}", params, headers=headers or {})

    return get


@pytest.fixture
def products():
    for code, label, substance, form, category, price, is_active in (
        ("A", "DOLIPRANE 500 mg - boîte de 16", "PARACÉTAMOL", "comprimé", "Antalgique", 1000, True),
        ("B", "DOLIPRANE 500 mg - boîte de 8", "PARACÉTAMOL", "comprimé", "Antalgique", 600, True),
        ("C", "EFFERALGAN 500 mg - boîte de 16", "PARACÉTAMOL", "effervescent", "Antalgique", 900, True),
        ("D", "DAFALGAN 500 mg - boîte de 16", "PARACÉTAMOL", "gélule", "Antalgique", None, False),
        ("E", "DOLI-BABY sirop - flacon", "PARACÉTAMOL + CODÉINE", "sirop", None, 700, True),
    ):
        ProductFactory(code=code, label=label, substance=substance, form=form, category=category, price=price,
                       is_active=is_active)  # fmt: skip


def codes(answer):
    assert answer.status_code == 200, answer.content
    return [row["code"] for row in answer.json()["results"]]


def test_generics_of_a_substance_with_their_prices(get, products):
    answer = get("products/", substance="paracétamol")
    assert [(row["code"], row["price"]) for row in answer.json()["results"]] == [
        ("A", 1000), ("B", 600), ("C", 900), ("D", None),
    ]  # fmt: skip
    assert answer.json()["meta"]["count"] == 4
    assert codes(get("products/", substance="PARACÉTAMOL + CODÉINE")) == ["E"]
    assert codes(get("products/", substance="paracétamol", form="gélule")) == ["D"]
    assert codes(get("products/", substance="paracétamol", page=2, limit=3)) == ["D"]
    assert codes(get("products/", substance="ibuprofène")) == []
    assert codes(get("products/", q="doli", substance="paracétamol")) == ["A", "B"]


@pytest.mark.parametrize("q", ["", "500"])
def test_facets_count_forms_and_categories(get, products, q):
    answer = get("products/", q=q, facets="true").json()
    others = [] if q else [{"value": "sirop", "count": 1}]
    assert answer["meta"]["facets"] == {
        "form": [
            {"value": "comprimé", "count": 2},
            {"value": "effervescent", "count": 1},
            {"value": "gélule", "count": 1},
            *others,
        ],
        "category": [{"value": "Antalgique", "count": 4}],
    }
    narrowed = get("products/", q=q, facets="true", form="comprimé").json()
    assert {row["code"] for row in narrowed["results"]} == {"A", "B"}
    assert narrowed["meta"]["facets"]["form"] == [{"value": "comprimé", "count": 2}]
    assert "facets" not in get("products/", q=q).json()["meta"]


def test_facets_of_what_was_corrected(get, products):
    answer = get("products/", q="dolipranne", facets="true").json()
    assert answer["meta"]["corrected"] == "doliprane"
    assert answer["meta"]["facets"]["form"] == [{"value": "comprimé", "count": 2}]


@pytest.mark.parametrize("stored", ["Époétine bêta", "ÉPOÉTINE BÊTA", "époétine bêta"])
@pytest.mark.parametrize("asked", ["Époétine bêta", "ÉPOÉTINE BÊTA", "époétine bêta"])
def test_substance_is_found_whatever_the_case_of_its_accents(get, stored, asked):
    ProductFactory(code="A", label="EPO", substance=stored)
    ProductFactory(code="B", label="EPO", substance="Epoetine beta")
    assert codes(get("products/", substance=asked)) == ["A"]
    assert codes(get("products/", q="epo", substance=asked)) == ["A"]


@pytest.mark.parametrize("name", ["form", "category", "substance"])
@pytest.mark.parametrize("value", ["' OR 1=1 --", "%", "$ne", "x" * 100, "\\", "{}"])
def test_filters_of_hostile_input_find_nothing(get, products, name, value):
    assert codes(get("products/", **{name: value}, facets="true")) == []
    assert codes(get("products/", q="doli", **{name: value}, facets="true")) == []


def test_suggestions_are_products_not_packs(get, products):
    answer = get("products/suggest", q="doli").json()
    assert answer == {
        "results": [
            {"text": "DOLI-BABY sirop", "code": "E", "substance": "PARACÉTAMOL + CODÉINE", "kind": "medicine",
             "is_active": True},
            {"text": "DOLIPRANE 500 mg", "code": "A", "substance": "PARACÉTAMOL", "kind": "medicine",
             "is_active": True},
        ],
        "next": None,
        "previous": None,
        "meta": {"page": 1, "limit": 8, "count": 2, "corrected": None},
    }  # fmt: skip
    assert get("products/suggest/", q="dafalgann").json()["meta"]["corrected"] == "dafalgan"
    assert codes(get("products/suggest/", q="")) == []
    assert codes(get("products/suggest/")) == []


@pytest.mark.parametrize("rows", [1, 3])
def test_suggestions_take_one_query(get, django_assert_num_queries, rows):
    for number in range(rows):
        ProductFactory(label=f"DOLIPRANE {number}")
    with django_assert_num_queries(1):
        assert len(codes(get("products/suggest/", q="doli"))) == rows


@pytest.mark.parametrize(
    "path", ["products/", "products/A/", "products/suggest/?q=doli", "pharmacies/", "pharmacies/P/"]
)
def test_answer_that_is_known_is_not_sent_again(get, products, path):
    PharmacyFactory(code="P")
    first = get(path)
    assert first.headers["Cache-Control"] == "public, max-age=60"
    again = get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    ProductFactory(code="F", label="DOLI-F")
    PharmacyFactory(code="Q")
    other = "products/B/" if path == "products/A/" else path
    if path != "pharmacies/P/":
        assert get(other, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_answers_to_a_person_are_kept_by_nobody(get, products):
    answer = get("pharmacies/", make_user())
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Authorization" in answer.headers["Vary"]


def test_availability_and_refusals_are_not_kept(get, products):
    assert get("products/A/availability/").headers["Cache-Control"] == "no-cache"
    for path in ("products/Z/", "products/?page=x"):
        assert "max-age" not in get(path).headers.get("Cache-Control", "")
