"""Prices of many products at once, and prices that begin later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

from django.utils import timezone

from accounts.models import User
from catalog.models import PlannedPrice, SearchEntry
from catalog.router import products_live_apart
from catalog.rows import Counts, ProductRow
from catalog.services.price_history import PRICE_FIELDS
from catalog.services.products import import_products
from catalog.services.rules import Rule, keep_stored
from common.unit_of_work import unit_of_work

PLANNED = "planned"
# Who says nothing but prices changes nothing else.
_ONLY_PRICES: Mapping[str, Rule] = {
    field.name: keep_stored(field.name) for field in fields(ProductRow) if field.name not in ("code", *PRICE_FIELDS)
}
_BATCH = 1_000
_CODES = 10_000


def set_prices(
    prices: Mapping[str, tuple[int, str]],
    *,
    source: str,
    left_out: int = 0,
    dry_run: bool = False,
    by: User | None = None,
) -> Counts:
    """Make these the prices of products (code → whole units and currency); nothing else of them is touched.

    Codes that nobody knows are passed over. `source` is noted in the history; a dry run changes nothing.
    """
    labels = known_labels(prices)
    rows = [
        ProductRow(code, labels[code], price=price, currency=currency, source=source[:32])
        for code, (price, currency) in prices.items()
        if code in labels
    ]
    return import_products(rows, source=source, left_out=left_out, dry_run=dry_run, rules=_ONLY_PRICES, by=by)


def known_labels(codes: Iterable[str]) -> dict[str, str]:
    """Labels by code, of the products among these that exist."""
    ordered = sorted(codes)
    labels: dict[str, str] = {}
    # SQLite limits the number of parameters of a statement.
    for start in range(0, len(ordered), _CODES):
        found = SearchEntry.objects.filter(code__in=ordered[start : start + _CODES])
        labels.update(found.values_list("code", "label"))
    return labels


def apply_due_prices() -> int:
    """Make planned prices whose time has come the products' prices; how many. Safe to run twice at the same time.

    Products that live apart are written first and the plans settled after it: a sweep that is killed in between does
    the same again, which changes nothing.
    """
    applied = 0
    while True:
        due = PlannedPrice.objects.filter(settled_at=None, effective_at__lte=timezone.now()).order_by(
            "effective_at", "pk"
        )
        if products_live_apart():
            plans = list(due[:_BATCH])
            applied += _apply(plans)
        else:
            with unit_of_work():
                plans = list(due.select_for_update(no_key=True)[:_BATCH])
                applied += _apply(plans)
        if len(plans) < _BATCH:
            return applied


def _apply(plans: Sequence[PlannedPrice]) -> int:
    # Of several that are due of one product the last to begin counts.
    last = {plan.product_code: plan for plan in plans}
    known = known_labels(last)
    if known:
        set_prices({code: (last[code].price, last[code].currency) for code in known}, source=PLANNED)
    ours = PlannedPrice.objects.filter(settled_at=None)
    now = timezone.now()
    applied = ours.filter(pk__in=[last[code].pk for code in known]).update(
        settled_at=now, is_applied=True, updated_at=now
    )
    ours.filter(pk__in=[plan.pk for plan in plans]).update(settled_at=now, updated_at=now)
    return applied
