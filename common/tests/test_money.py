from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.money import XAF_PER_EUR, eur_to_xaf


@pytest.mark.parametrize(
    "euros, francs",
    [
        ("0", 0),
        ("0.01", 5),
        ("1", 655),
        ("1.00", 655),
        ("2.18", 1430),
        ("10", 6560),
        ("1466.29", 961825),
        ("24.32", 15955),
    ],
)
def test_fixed_parity_rounded_to_the_smallest_coin(euros, francs):
    assert eur_to_xaf(Decimal(euros)) == francs


def test_half_is_rounded_up():
    half = Decimal("2.5") / XAF_PER_EUR
    assert eur_to_xaf(half.quantize(Decimal("1e-20"), rounding="ROUND_UP")) == 5
    assert eur_to_xaf(half.quantize(Decimal("1e-20"), rounding="ROUND_DOWN")) == 0


def test_other_step():
    assert eur_to_xaf(Decimal(1), step=1) == 656
    assert eur_to_xaf(Decimal(1), step=100) == 700


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_rounding_moves_by_at_most_half_a_coin(euros):
    francs = eur_to_xaf(euros)

    assert type(francs) is int
    assert francs % 5 == 0
    assert abs(francs - euros * XAF_PER_EUR) <= Decimal("2.5")
