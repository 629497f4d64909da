"""Reserve on local stock: every line is checked at once, under the locks of the stock rows.

Where EPG knows the pharmacy's stock, the lines it can be asked about hold nothing here: the reservation is `requested`,
and `services.epg` asks once this has committed.

The hot path of the house. Its round trips are counted in a test: one that locks the stock, sums the holds and takes an
id, one that charges the account, and one for all that is written: the reservation, its lines, the ledger entry, the
events and the stored answer.
"""

import uuid
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import PricedAction
from accounts.models import User
from accounts.selectors import PRICE_NOW
from accounts.services import ledger
from catalog import epg
from catalog.epg.codes import is_cip
from catalog.models import Pharmacy, SearchEntry
from common import sql, unit_of_work
from common.errors import FieldError
from common.money import MAX_AMOUNT
from reservations.enums import Status
from reservations.exceptions import (
    InsufficientStock,
    MixedCurrencies,
    PriceUnknown,
    TotalTooLarge,
    UnknownPharmacy,
    UnknownProduct,
)
from reservations.labels import RESERVED
from reservations.models import Reservation, ReservationLine
from reservations.pickup import new_pickup_code
from reservations.services.epg.intents import intend
from reservations.signals import reservation_moved

_LOCK_STOCK = f"""
SELECT s.id, s.product_code, s.quantity, s.price, s.currency, e.label, p.id, p.name, p.epg_id,
       {PRICE_NOW}
FROM catalog_stock s
JOIN catalog_pharmacy p ON p.id = s.pharmacy_id
JOIN catalog_searchentry e ON e.code = s.product_code
WHERE p.code = %s AND p.is_active AND e.is_active AND s.product_code IN ({{codes}})
ORDER BY s.id
"""
_HELD = """
SELECT stock_id, SUM(quantity) FROM reservations_reservationline
WHERE held_until > %s AND stock_id IN (
    SELECT s.id FROM catalog_stock s JOIN catalog_pharmacy p ON p.id = s.pharmacy_id
    WHERE p.code = %s AND s.product_code IN ({codes})
)
GROUP BY stock_id
"""
_COLUMNS = (
    "id",
    "public_id",
    "user_id",
    "pharmacy_id",
    "status",
    "pickup_code",
    "total",
    "currency",
    "credits_charged",
    "expires_at",
    "reason",
    "created_at",
    "updated_at",
)
_LINE_COLUMNS = (
    "reservation_id",
    "stock_id",
    "product_code",
    "label",
    "quantity",
    "unit_price",
    "held_until",
    "created_at",
    "updated_at",
)


@dataclass(frozen=True)
class _Stock:
    id: int
    code: str
    quantity: int
    price: int | None
    currency: str
    label: str
    pharmacy_id: int
    pharmacy_name: str
    epg_id: str
    credits: int | None
    held: int

    @property
    def available(self) -> int:
        return max(self.quantity - self.held, 0)


@dataclass(frozen=True)
class Reserved:
    """A new reservation with its lines, as written: nothing needs to be read again to answer."""

    reservation: Reservation
    lines: list[ReservationLine]


def reserve(
    user: User, *, pharmacy_code: str, basket: Sequence[tuple[str, int]], by: User, is_charged: bool = True
) -> Reserved:
    """Keep boxes (`basket`: product code and units > 0 of each line; the same product twice is added up) for `user`.

    The reservation is confirmed, or requested where EPG has the last word: then `epg.asking.submit` is to be called
    after the commit. Without `is_charged` no credits are taken: for clients that charge by themselves.

    Raises `UnknownPharmacy`, `UnknownProduct` (404), `InsufficientStock`, `PriceUnknown` (409), each naming every line
    of the basket that fails, `MixedCurrencies` (409), `TotalTooLarge` (400), `InsufficientCredits` (402),
    `AccountDisabled` (403).
    """
    quantities = _added_up(basket)
    with unit_of_work.unit_of_work():
        now = timezone.now()
        reservation_id, stocks = _lock_stock(pharmacy_code, list(quantities), now)
        epg_id = next((stock.epg_id for stock in stocks.values()), "")
        if len(stocks) < len(quantities):
            epg_id = _require_known(pharmacy_code, basket, quantities.keys() - stocks.keys())
        upstream = {code for code in quantities if is_cip(code)} if epg_id and epg.is_on() else set()
        _check_lines(basket, quantities, stocks, upstream)
        if len({stock.currency for stock in stocks.values()}) > 1:
            raise MixedCurrencies
        total = sum(quantities[code] * (stock.price or 0) for code, stock in stocks.items())
        if total > MAX_AMOUNT:
            raise TotalTooLarge
        first = next(iter(stocks.values()))
        public_id = uuid.uuid4()
        credits = (first.credits or 0) if is_charged else 0
        ledger.spend(
            user.pk,
            credits,
            reference=f"reservation:{public_id}",
            label=str(RESERVED) % {"pharmacy": first.pharmacy_name},
            by=by,
        )
        reservation = Reservation(
            pk=reservation_id,
            public_id=public_id,
            user=user,
            pharmacy=Pharmacy(id=first.pharmacy_id, code=pharmacy_code, name=first.pharmacy_name),
            status=Status.REQUESTED if upstream else Status.CONFIRMED,
            pickup_code=new_pickup_code(),
            total=total,
            currency=first.currency,
            credits_charged=credits,
            expires_at=now + settings.HOLD_UNPAID,
            created_at=now,
            updated_at=now,
        )
        _insert(reservation)
        lines = _insert_lines(reservation, quantities, stocks, upstream)
        if upstream:
            intend(reservation, epg_id)
        reservation_moved.send(Reservation, reservation=reservation, old=None, by=by, lines=lines)
    return Reserved(reservation, lines)


def _added_up(basket: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Product code → units, in the order of the basket."""
    quantities: dict[str, int] = {}
    for code, units in basket:
        quantities[code] = quantities.get(code, 0) + units
    return quantities


def _lock_stock(pharmacy_code: str, codes: list[str], now: datetime) -> tuple[int, dict[str, _Stock]]:
    """An id for the reservation, and the stock rows of the basket by code, locked in the order of their keys.

    The holds are summed by a statement of their own, after the lock: only so do they include what the holder of the
    lock before us has written.
    """
    places = sql.placeholders(len(codes))
    locked, holds, ids = sql.fetch_together(
        (
            _LOCK_STOCK.format(codes=places) + sql.for_update("s"),
            [_at(now), str(PricedAction.RESERVE), pharmacy_code, *codes],
        ),
        (_HELD.format(codes=places), [_at(now), pharmacy_code, *codes]),
        sql.next_id(Reservation._meta.db_table),
    )
    held = {stock_id: int(units) for stock_id, units in holds}
    return ids[0][0], {row[1]: _Stock(*(*row, held.get(row[0], 0))) for row in locked}


def _check_lines(
    basket: Sequence[tuple[str, int]],
    quantities: Mapping[str, int],
    stocks: Mapping[str, _Stock],
    upstream: Set[str],
) -> None:
    """How many there are is for EPG to say of what is `upstream`; at what price, never."""
    errors: list[FieldError] = []
    for index, (code, _units) in enumerate(basket):
        stock = stocks.get(code)
        available = stock.available if stock else 0
        if code not in upstream and available < quantities[code]:
            detail = _("Il en reste %(available)d.") % {"available": available}
            extra = {"product": code, "available": available}
            errors.append(FieldError(f"lines.{index}.quantity", InsufficientStock.code, detail, extra))
        elif stock is None or stock.price is None:
            errors.append(
                FieldError(f"lines.{index}.product", PriceUnknown.code, PriceUnknown.detail, {"product": code})
            )
    if any(error.code == InsufficientStock.code for error in errors):
        raise InsufficientStock(errors=errors)
    if errors:
        raise PriceUnknown(errors=errors)


def _require_known(pharmacy_code: str, basket: Sequence[tuple[str, int]], missing: Set[str]) -> str:
    """What is not on the shelf is either out of stock, or no product of ours, or the pharmacy is none.

    Returns EPG's identifier of the pharmacy.
    """
    pharmacy = Pharmacy.objects.filter(code=pharmacy_code, is_active=True).only("epg_id").first()
    if pharmacy is None:
        raise UnknownPharmacy(errors=[FieldError("pharmacy", UnknownPharmacy.code, UnknownPharmacy.detail)])
    unknown = missing - set(SearchEntry.objects.filter(code__in=missing, is_active=True).values_list("code", flat=True))
    if unknown:
        raise UnknownProduct(
            errors=[
                FieldError(f"lines.{index}.product", UnknownProduct.code, UnknownProduct.detail, {"product": code})
                for index, (code, _units) in enumerate(basket)
                if code in unknown
            ]
        )
    return pharmacy.epg_id


def _insert(reservation: Reservation) -> None:
    unit_of_work.insert(
        Reservation._meta.db_table,
        _COLUMNS,
        [
            reservation.pk,
            sql.adapt(reservation.public_id, Reservation._meta.get_field("public_id")),
            reservation.user_id,
            reservation.pharmacy_id,
            str(reservation.status),
            reservation.pickup_code,
            reservation.total,
            reservation.currency,
            reservation.credits_charged,
            _at(reservation.expires_at),
            reservation.reason,
            _at(reservation.created_at),
            _at(reservation.updated_at),
        ],
    )


def _insert_lines(
    reservation: Reservation, quantities: Mapping[str, int], stocks: Mapping[str, _Stock], upstream: Set[str]
) -> list[ReservationLine]:
    lines = []
    for code, quantity in quantities.items():
        stock = stocks[code]
        price = stock.price or 0  # `_check_lines` refused the unpriced
        stock_id = None if code in upstream else stock.id
        line = ReservationLine(
            product_code=code, label=stock.label, quantity=quantity, unit_price=price, stock_id=stock_id
        )
        unit_of_work.insert(
            ReservationLine._meta.db_table,
            _LINE_COLUMNS,
            [
                reservation.pk,
                stock_id,
                code,
                stock.label,
                quantity,
                price,
                None if stock_id is None else _at(reservation.expires_at),
                _at(reservation.created_at),
                _at(reservation.updated_at),
            ],
        )
        lines.append(line)
    return lines


def _at(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
