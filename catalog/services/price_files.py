"""Prices of products as a file of staff says them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from catalog.models import PlannedPrice, Product
from catalog.services.prices import known_labels, set_prices
from catalog.values import price_in_francs, product_code
from common.exchange.reports import Line, Report
from common.unit_of_work import unit_of_work

COLUMNS = ("code", "libelle", "prix", "devise", "valable_des")
REQUIRED = ("code", "prix")
SOURCE = "csv"
_CURRENCY = re.compile(r"[A-Z]{3}")
_CODES = 10_000


@dataclass(frozen=True, slots=True)
class _Wanted:
    line: int
    code: str
    price: int
    currency: str
    effective_at: datetime | None


def import_prices(lines: Iterable[Line], *, dry_run: bool, by: User | None) -> Report:
    """Make the prices of a file the products' prices: at once, or from the moment a line names on.

    A line without a price leaves the product as it is. A dry run only tells.
    """
    report = Report()
    wanted = _read(lines, report)
    labels = known_labels({each.code for each in wanted})
    stored = _stored(labels)
    now: dict[str, tuple[int, str]] = {}
    later: list[tuple[_Wanted, datetime]] = []
    for each in wanted:
        label = labels.get(each.code)
        if label is None:
            report.refuse(each.line, _("Produit inconnu."))
        elif each.effective_at is not None:
            later.append((each, each.effective_at))
            begins = date_format(timezone.localtime(each.effective_at), "SHORT_DATETIME_FORMAT")
            report.changes.append(f"{each.code} {label} : {each.price} {each.currency} ({begins})")
        elif (old := stored.get(each.code)) == (each.price, each.currency):
            report.unchanged += 1
        else:
            now[each.code] = (each.price, each.currency)
            was = "–" if old is None or old[0] is None else f"{old[0]} {old[1]}"
            report.changes.append(f"{each.code} {label} : {was} → {each.price} {each.currency}")
    if not dry_run:
        with unit_of_work():
            for each, when in later:
                PlannedPrice.objects.update_or_create(
                    product_code=each.code,
                    effective_at=when,
                    settled_at=None,
                    defaults={"price": each.price, "currency": each.currency},
                )
        if now:
            set_prices(now, source=SOURCE, left_out=len(report.refused), by=by)
    return report


def _read(lines: Iterable[Line], report: Report) -> list[_Wanted]:
    found: list[_Wanted] = []
    first: dict[tuple[str, datetime | None], int] = {}
    for line, cells in lines:
        code = product_code(cells.get("code"))
        if code is None:
            report.refuse(line, _("Code illisible."))
            continue
        try:
            price = price_in_francs(cells.get("prix"))
            when = _moment(cells.get("valable_des", ""))
        except ValueError:
            report.refuse(line, _("Prix ou date illisible."))
            continue
        currency = cells.get("devise", "") or settings.CURRENCY
        if not _CURRENCY.fullmatch(currency):
            report.refuse(line, _("Devise illisible."))
        elif price is None and cells.get("prix"):
            report.refuse(line, _("Un prix est supérieur à zéro, ou inconnu."))
        elif price is None:
            report.unchanged += 1
        elif first.setdefault((code, when), line) != line:
            report.refuse(line, _("Ce code est déjà à la ligne %(line)d.") % {"line": first[code, when]})
        else:
            found.append(_Wanted(line, code, price, currency, when))
    return found


def _moment(text: str) -> datetime | None:
    """A day or a moment, local where it does not say; None for at once: nothing given, or past already."""
    if not text:
        return None
    moment = parse_datetime(text)
    if moment is None:
        day = parse_date(text)
        if day is None:
            raise ValueError(text)
        moment = datetime.combine(day, time())
    # Beyond these no zone can be computed.
    if not 2000 <= moment.year < 2200:
        raise ValueError(text)
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    return moment if moment > timezone.now() else None


def _stored(codes: Iterable[str]) -> dict[str, tuple[Any, str]]:
    ordered = sorted(codes)
    stored: dict[str, tuple[Any, str]] = {}
    for start in range(0, len(ordered), _CODES):
        rows = Product.objects.filter(code__in=ordered[start : start + _CODES]).order_by()
        stored |= {code: (price, currency) for code, price, currency in rows.values_list("code", "price", "currency")}
    return stored
