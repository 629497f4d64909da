"""Every change of a product's price leaves a row, written in the transaction of the change.

Where products live apart (`catalog.router`), what a price was is committed with the intent, and what it has become is
written when the intent is settled: a process that is killed in between loses nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection

from catalog.models import PriceChange, Product, ProductChange
from catalog.services.rules import Rule

Values = Mapping[str, Any]

# What a price is made of.
PRICE_FIELDS = ("price", "currency", "price_is_indicative")
_BATCH = 1_000


def differs(old: Values, new: Values) -> bool:
    return bool(old["price"] != new["price"] or old["currency"] != new["currency"])


def record_change(code: str, old: Values, new: Values, *, source: str = "") -> None:
    """Note, in the caller's transaction, that a price is another one now; nothing where it is not."""
    if differs(old, new):
        PriceChange.objects.bulk_create([_row(code, old, new, source)])


def recording(rules: Mapping[str, Rule]) -> str:
    """The statement, for `bulk.upsert(before=…)`, that notes what an import is about to change by these rules."""
    price, currency, is_indicative = (
        rules[name].sql.format(old="p", new="i") if name in rules else f"i.{name}" for name in PRICE_FIELDS
    )
    return (
        "INSERT INTO catalog_pricechange "
        "(product_code, old_price, old_currency, price, currency, is_indicative, source) "
        f"SELECT p.code, p.price, p.currency, {price}, {currency}, {is_indicative}, i.source "
        "FROM {incoming} i JOIN catalog_product p ON p.code = i.code "
        f"WHERE p.price {_is_not()} {price} OR p.currency {_is_not()} {currency} ORDER BY p.code"
    )


def before(changed: Iterable[tuple[str, Values]], *, source: str) -> dict[str, Any]:
    """For `ProductChange.before`: what the prices are that a write is about to change."""
    return {"source": source[:32], "prices": {code: [old["price"], old["currency"]] for code, old in changed}}


def present(change: ProductChange) -> dict[str, Values]:
    """The products whose price the announced write changes, as they are now."""
    found: dict[str, Values] = {}
    for codes in _batches(sorted(change.before.get("prices", {}))):
        rows = Product.objects.filter(code__in=codes).order_by().values("code", *PRICE_FIELDS)
        found |= {row["code"]: row for row in rows}
    return found


def record_settled(change: ProductChange, now: Mapping[str, Values]) -> None:
    """Note, in the caller's transaction, what became of the prices that `change` announced."""
    announced = change.before.get("prices", {})
    rows = []
    for codes in _batches(sorted(announced)):
        # Of two writers at once the first to settle may have noted what the other one wrote.
        since = PriceChange.objects.filter(product_code__in=codes, created_at__gte=change.created_at).order_by("pk")
        seen = {
            code: [price, currency] for code, price, currency in since.values_list("product_code", *PRICE_FIELDS[:2])
        }
        for code in codes:
            old = dict(zip(PRICE_FIELDS, seen.get(code, announced[code]), strict=False))
            if code in now and differs(old, now[code]):
                rows.append(_row(code, old, now[code], change.before["source"]))
    PriceChange.objects.bulk_create(rows, batch_size=_BATCH)


def stored(code: str, *, lock: bool = False) -> Values | None:
    """A product's price as the database has it; `lock` holds it until the end of the transaction."""
    rows = Product.objects.filter(code=code).order_by()
    if lock:
        rows = rows.select_for_update(no_key=True)
    found: Values | None = rows.values(*PRICE_FIELDS).first()
    return found


def _row(code: str, old: Values, new: Values, source: str) -> PriceChange:
    return PriceChange(
        product_code=code,
        old_price=old["price"],
        old_currency=old["currency"],
        price=new["price"],
        currency=new["currency"],
        is_indicative=new["price_is_indicative"],
        source=source[:32],
    )


def _batches(codes: Sequence[str]) -> Iterable[Sequence[str]]:
    return (codes[start : start + _BATCH] for start in range(0, len(codes), _BATCH))


def _is_not() -> str:
    return "IS DISTINCT FROM" if connection.vendor == "postgresql" else "IS NOT"
