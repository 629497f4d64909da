"""Rates and price lists: few rows, each written by the service that the back office uses."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import PriceList, Rate
from accounts.services.rates import save_price, save_rate
from common.money import MAX_CREDITS, MAX_PRICE
from common.unit_of_work import unit_of_work
from legacy.importing.batches import PRICE_LISTS, RATES, Batch, Known
from legacy.importing.report import Report, Total
from legacy.importing.source import OldPriceList, OldRate
from legacy.importing.values import whole

_LABEL = 120


@dataclass(frozen=True, slots=True)
class Pack:
    """A rate as it comes: `price` in whole francs."""

    old_id: int
    label: str
    price: int
    credits: int


@dataclass(frozen=True, slots=True)
class Price:
    old_id: int
    label: str
    credits: int


def judge_rates(rates: Iterable[OldRate], report: Report, total: Total) -> list[Pack]:
    """The packs that can be sold here; notes every rule that a rate met."""
    packs = []
    for rate in rates:
        price, had_decimals = whole(rate.price)
        credits, broken = whole(rate.credit)
        if price is None or not 0 < price <= MAX_PRICE:
            report.note("rate_price_unusable", RATES, rate.id, rate.price)
            total.leave_out("rate_price_unusable")
            continue
        if credits is None or broken or not 0 < credits <= MAX_CREDITS:
            report.note("rate_credit_unusable", RATES, rate.id, rate.credit)
            total.leave_out("rate_credit_unusable")
            continue
        if had_decimals:
            report.note("rate_price_decimals", RATES, rate.id, rate.price)
        label = (rate.libelle or "").strip()[:_LABEL]
        if not label:
            report.note("rate_label_missing", RATES, rate.id)
        packs.append(Pack(rate.id, label or f"Forfait {rate.id}", price, credits))
    return packs


def judge_price_lists(prices: Iterable[OldPriceList], report: Report, total: Total) -> list[Price]:
    """The prices that come, without an action of ours: staff decide what costs credits here."""
    known = Known(PRICE_LISTS)
    ours = set(PriceList.objects.exclude(pk__in=map(int, known.living.values())).values_list("label", flat=True))
    found = []
    for price in prices:
        label = (price.libelle or "").strip()[:_LABEL]
        credits, broken = whole(price.credit)
        reason = ""
        if not label:
            reason = "price_list_label_missing"
        elif credits is None or broken or not 0 <= credits <= MAX_CREDITS:
            reason = "price_list_credit_unusable"
        elif label in ours and str(price.id) not in known.living:
            reason = "price_list_known"
        if reason:
            report.note(reason, PRICE_LISTS, price.id, price.credit if label else "")
            total.leave_out(reason)
        else:
            found.append(Price(price.id, label, credits or 0))
    return found


def write_rates(packs: Iterable[Pack], batch: Batch) -> int:
    """Those that are not here yet, in one transaction; how many."""
    known = Known(RATES)
    new = [pack for pack in packs if str(pack.old_id) not in known.living]
    if not new:
        return 0
    with unit_of_work():
        ids = []
        for pack in new:
            again = known.withdrawn.get(str(pack.old_id))
            rate = Rate.objects.get(pk=again) if again else Rate()
            rate.label, rate.price, rate.credits, rate.is_active = pack.label, pack.price, pack.credits, True
            ids.append((pack.old_id, save_rate(rate, by=None).pk))
        batch.remember(RATES, ids)
    return len(new)


def write_price_lists(prices: Iterable[Price], batch: Batch) -> int:
    """As `write_rates`."""
    known = Known(PRICE_LISTS)
    new = [price for price in prices if str(price.old_id) not in known.living]
    if not new:
        return 0
    with unit_of_work():
        rows = [PriceList(label=price.label, credits=price.credits) for price in new]
        ids = [(price.old_id, save_price(row, by=None).pk) for price, row in zip(new, rows, strict=True)]
        batch.remember(PRICE_LISTS, ids)
    return len(new)
