"""Taking an import back, while nothing stands on it: in one transaction, and after it the products."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.utils import timezone

from accounts.models import Account, PriceList, Rate
from accounts.services.arrivals import take_back_arrivals, what_stands_on, who_names
from catalog.models import SearchEntry, Stock
from catalog.rows import ProductRow, StockRow
from catalog.services.products import import_products
from catalog.services.stock import set_stock
from common.enums import ImportState
from common.errors import Conflict, NotFound
from common.models import ImportBatch
from common.unit_of_work import unit_of_work
from legacy.importing.batches import PRICE_LISTS, PRODUCTS, RATES, SOURCE, STOCK, USERS, alone
from legacy.importing.products import RULES
from legacy.importing.running import old_ids
from marketplaces.models.base import TenantModel
from marketplaces.tenancy import crossing
from payments.models import Payment
from reservations.models import ReservationLine

NOTE = "Reprise de l'ancien service annulée"
_SOME = 5_000


class UnknownBatch(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such import.", code="unknown_batch")


class BuiltUpon(Conflict):
    def __init__(self, reasons: Collection[str]) -> None:
        super().__init__(f"Nothing was taken back: {'; '.join(reasons)}.", code="import_built_upon")


def undo(number: int) -> dict[str, int]:
    """Take the batch back; how many rows of each table. Of one that was taken back before, nothing.

    Credits are reversed by entries, people deactivated and freed of name and address, rates, prices and products
    withdrawn. Imported events stay in the log, and are not imported again. Raises `UnknownBatch` (404), `BuiltUpon`
    (409) with all that stands on it, `ImportUnderWay` (409).
    """
    with alone():
        batch = ImportBatch.objects.filter(pk=number, source=SOURCE).first()
        if batch is None:
            raise UnknownBatch
        taken = {}
        if batch.state != ImportState.UNDONE:
            # Merchants' rows are seen by a login of its own, outside of the transaction that takes back.
            with crossing():
                apart = who_names(_people(batch), within=TenantModel)
            with unit_of_work():
                taken = _take_back(batch, apart)
        # Products may live where that transaction does not reach: what a killed process left is withdrawn now.
        if withdrawn := _withdraw_products(batch):
            taken[PRODUCTS] = withdrawn
        return taken


def _people(batch: ImportBatch) -> list[int]:
    return [int(new_id) for new_id in old_ids(USERS, batch).values()]


def _take_back(batch: ImportBatch, reasons_apart: Collection[str]) -> dict[str, int]:
    people = _people(batch)
    rates = [int(new_id) for new_id in old_ids(RATES, batch).values()]
    stock = [new_id.partition(":") for new_id in old_ids(STOCK, batch).values()]
    prices = [int(new_id) for new_id in old_ids(PRICE_LISTS, batch).values()]
    reasons = [
        *_on_prices(prices, batch),
        *_changed_rates(rates, batch),
        *what_stands_on(people, apart=TenantModel),
        *reasons_apart,
        *_on_rates(rates, people),
        *_on_stock(stock, batch),
    ]
    if reasons:
        raise BuiltUpon(reasons)
    take_back_arrivals(people, rates=rates, prices=prices, note=NOTE, source=SOURCE, batch=batch.pk)
    _clear_stock(stock)
    now = timezone.now()
    batch.rows.exclude(table=PRODUCTS).update(is_withdrawn=True, updated_at=now)
    batch.state, batch.undone_at = ImportState.UNDONE, now
    batch.save(update_fields=["state", "undone_at", "updated_at"])
    return {USERS: len(people), RATES: len(rates), PRICE_LISTS: len(prices), STOCK: len(stock)}


def _on_prices(prices: Collection[int], batch: ImportBatch) -> list[str]:
    """An imported price costs nobody anything until staff give it an action. Holds the rows."""
    rows = list(PriceList.objects.filter(pk__in=prices).order_by("pk").select_for_update(no_key=True))
    reasons = []
    if any(price.action is not None for price in rows):
        reasons.append("its prices are charged")
    if any(price.next_from is not None for price in rows):
        reasons.append("its prices have a plan")
    if _is_changed(rows, PRICE_LISTS, batch):
        reasons.append("its prices were changed since")
    return reasons


def _changed_rates(rates: Collection[int], batch: ImportBatch) -> list[str]:
    """Those that are on sale otherwise than they came; one that staff took off sale is where undoing puts it. Holds
    the rows, before any account as who takes a rate off sale does."""
    rows = Rate.objects.filter(pk__in=rates).order_by("pk").select_for_update(no_key=True)
    on_sale = [rate for rate in rows if rate.is_active]
    return ["its rates were changed since"] if _is_changed(on_sale, RATES, batch) else []


def _is_changed(rows: Iterable[PriceList | Rate], table: str, batch: ImportBatch) -> bool:
    brought = dict(batch.rows.filter(table=table, is_withdrawn=False).values_list("new_id", "updated_at"))
    return any(row.updated_at > brought[str(row.pk)] for row in rows)


def _on_rates(rates: Collection[int], people: Collection[int]) -> list[str]:
    reasons = []
    if Payment.objects.filter(purpose="rate", purpose_id__in=[str(rate) for rate in rates]).exists():
        reasons.append("payments are for its rates")
    theirs = set(people)
    if any(user not in theirs for user in Account.objects.filter(rate__in=rates).values_list("user_id", flat=True)):
        reasons.append("other accounts have its rates")
    return reasons


def _on_stock(stock: Collection[tuple[str, str, str]], batch: ImportBatch) -> list[str]:
    """Holds the rows first, until the transaction ends: nobody reserves of them from then on."""
    shelves = sorted(pk for pk, *_rest in _stored(stock))
    reasons = set()
    for start in range(0, len(shelves), _SOME):
        some = shelves[start : start + _SOME]
        rows = Stock.objects.filter(pk__in=some).order_by("pk").select_for_update(no_key=True)
        changed = list(rows.values_list("updated_at", flat=True))
        if batch.finished_at is not None and any(at > batch.finished_at for at in changed):
            reasons.add("its stock was changed since")
        if ReservationLine.objects.filter(stock__in=some).exists():
            reasons.add("reservations are of its stock")
    return sorted(reasons)


def _stored(stock: Collection[tuple[str, str, str]]) -> list[tuple[int, str, str, datetime]]:
    wanted = {(pharmacy, product) for pharmacy, _colon, product in stock}
    rows = Stock.objects.filter(pharmacy__code__in={pharmacy for pharmacy, _product in wanted})
    found = rows.values_list("pk", "pharmacy__code", "product_code", "observed_at")
    return [row for row in found if (row[1], row[2]) in wanted]


def _clear_stock(stock: Collection[tuple[str, str, str]]) -> None:
    """No boxes and no price: it can be neither found nor reserved. Nobody has counted: a later import sets it again."""
    rows = [StockRow(pharmacy, product, 0, None, at) for _pk, pharmacy, product, at in _stored(stock)]
    if rows:
        set_stock(rows, source=SOURCE)


def _withdraw_products(batch: ImportBatch) -> int:
    """Off the market, those too that were written a moment before the import was killed; how many."""
    codes = list(batch.rows.filter(table=PRODUCTS).values_list("new_id", flat=True))
    rows: list[ProductRow] = []
    for start in range(0, len(codes), _SOME):
        found = SearchEntry.objects.filter(code__in=codes[start : start + _SOME], is_active=True)
        rows += [
            ProductRow(code, label, is_active=False, source=SOURCE)
            for code, label in found.values_list("code", "label")
        ]
    if rows:
        import_products(rows, source=SOURCE, rules=RULES)
    with unit_of_work():
        batch.rows.filter(table=PRODUCTS).update(is_withdrawn=True, updated_at=timezone.now())
    return len(rows)
