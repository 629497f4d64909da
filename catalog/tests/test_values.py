import pytest

from catalog.values import cip13, price_in_francs, product_code, quantity


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("3400935955838", "3400935955838"),
        ("3595583", "3400935955838"),
        (3400935955838.0, "3400935955838"),
        (" 34009 359 5583 8 ", "3400935955838"),
        ("٣٥٩٥٥٨٣", None),
        ("359558", None),
        ("", None),
        (None, None),
        (True, None),
        ({"$gt": ""}, None),
    ],
)
def test_cip(written, code):
    assert cip13(written) == code


def test_house_codes():
    assert product_code("PARA-001") == "PARA-001"
    assert product_code("-x") is product_code("a" * 14) is product_code("a b/c") is None


@pytest.mark.parametrize(
    ("written", "francs"),
    [
        (1500, 1500),
        (1500.0, 1500),
        ("1 500 FCFA", 1500),
        ("1.500", 1500),
        ("1,500,000", 1500000),
        ("1500,50 F CFA", 1501),
        ("1499.49", 1499),
        ("", None),
        (None, None),
        ("0", None),
    ],
)
def test_prices(written, francs):
    assert price_in_francs(written) == francs


@pytest.mark.parametrize("written", ["gratuit", "-5", "1e3", "12,5,0", "nan", "9" * 12, True, {"a": 1}, "1 2 €"])
def test_what_is_no_price(written):
    with pytest.raises(ValueError, match="price"):
        price_in_francs(written)


def test_quantities():
    assert [quantity(value) for value in ("12", 12.0, "", None)] == [12, 12, None, None]
    with pytest.raises(ValueError, match="quantity"):
        quantity("-1")
