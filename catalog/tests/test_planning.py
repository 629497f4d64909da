"""Plans beside an oracle that tries every set of pharmacies."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.planning import Plan, Shop, plan


def oracle(lines, shops):
    """The ranks of all plans with as few missing lines and stops as can be, best first."""
    wanted = set().union(*(shop.prices for shop in shops)) if shops else set()
    if not wanted:
        return []
    for stops in range(1, len(shops) + 1):
        ranks = [
            (
                lines - len(wanted),
                stops,
                sum(shop.metres for shop in chosen),
                sum(not shop.on_duty for shop in chosen),
                sum(min(shop.prices[line] for shop in chosen if line in shop.prices) for line in wanted),
            )
            for chosen in combinations(shops, stops)
            if wanted <= set().union(*(shop.prices for shop in chosen))
        ]
        if ranks:
            return sorted(ranks)
    raise AssertionError("all shops together serve what each serves")


@st.composite
def instances(draw):
    lines = draw(st.integers(1, 6))
    shop = st.builds(
        Shop,
        metres=st.sampled_from([0, 100, 200, 350, 5000]),
        on_duty=st.booleans(),
        prices=st.dictionaries(st.integers(0, lines - 1), st.integers(1, 9), max_size=lines),
    )
    return lines, draw(st.lists(shop, max_size=8))


def check(instance):
    lines, shops = instance
    found = plan(lines, shops, most=3, seconds=60)

    assert found.exact
    assert [each.rank for each in found.plans] == oracle(lines, shops)[:3]
    assert len({each.stops for each in found.plans}) == len(found.plans)
    for each in found.plans:
        bought = [line for _shop, some in each.stops for line in some]
        assert sorted([*bought, *each.missing]) == list(range(lines)), "covered or missing, each line once"
        assert all(line in shops[shop].prices for shop, some in each.stops for line in some)
        assert each.total == sum(shops[shop].prices[line] for shop, some in each.stops for line in some)


@given(instances())
@settings(max_examples=150, deadline=None)
def test_plans_are_those_of_the_oracle(instance):
    check(instance)


@pytest.mark.soak
@given(instances())
@settings(max_examples=2_000, deadline=None)
def test_plans_are_those_of_the_oracle_two_thousand_times(instance):
    check(instance)


def test_one_stop_before_two_nearer_ones():
    shops = [Shop(10, True, {0: 1}), Shop(10, True, {1: 1}), Shop(9_000, False, {0: 5, 1: 5})]

    assert plan(2, shops).plans == (Plan(((2, (0, 1)),), (), 9_000, 1, 10),)


def test_distance_then_duty_then_price():
    far, off, dear, cheap = (
        Shop(20, True, {0: 1}),
        Shop(10, False, {0: 1}),
        Shop(10, True, {0: 9}),
        Shop(10, True, {0: 8}),
    )

    assert [each.stops for each in plan(1, [far, off, dear, cheap], most=4).plans] == [
        ((3, (0,)),),
        ((2, (0,)),),
        ((1, (0,)),),
        ((0, (0,)),),
    ]


def test_what_nobody_has_is_missing():
    assert plan(2, [Shop(0, True, {1: 3})]).plans == (Plan(((0, (1,)),), (0,), 0, 0, 3),)
    assert plan(2, [Shop(0, True, {})]).plans == ()
    assert plan(2, []).plans == ()


def test_time_that_runs_out_gives_the_best_so_far_and_says_so():
    # A sunflower: every shop shares line 0, and each other line has ten shops of its own.
    shops = [Shop(1, True, {0: 1, line: 1 + number}) for line in range(1, 12) for number in range(10)]
    ticks = iter(range(10_000))

    found = plan(12, shops, seconds=3, clock=lambda: next(ticks))

    assert not found.exact
    assert (found.plans[0].missing, len(found.plans[0].stops)) == ((), 11)


def test_no_time_at_all_still_covers_everything():
    shops = [Shop(1, True, {line: 1, (line + 1) % 12: 1}) for line in range(12) for _again in range(10)]

    found = plan(12, shops, seconds=-1, clock=lambda: 0.0)

    assert not found.exact
    assert found.plans[0].missing == ()
