"""Cells of the catalogue's files as values. Each raises ValueError with a sentence for the reader."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from catalog.enums import ProductKind
from catalog.models import Pharmacy
from catalog.values import price_in_francs, product_code, quantity
from common.moments import UNREASONABLE, is_reasonable
from common.phones import InvalidPhone, to_e164

_KINDS = {"medicament": ProductKind.MEDICINE, "parapharmacie": ProductKind.PARAPHARMACY}
_LARGEST_SURCHARGE = 1_000_000


def product(cell: str) -> str:
    found = product_code(cell)
    if found is None:
        raise ValueError(_("Code illisible."))
    return found


def price(cell: str) -> int:
    found = _or(price_in_francs, cell, _("Prix illisible."))
    if not found:
        raise ValueError(_("Un prix est supérieur à zéro, ou inconnu."))
    return int(found)


def boxes(cell: str) -> int:
    return int(_or(quantity, cell, _("Quantité illisible.")))


def _or(read: Callable[[str], Any], cell: str, sentence: str) -> Any:
    try:
        return read(cell)
    except ValueError as error:
        raise ValueError(sentence) from error


def kind(cell: str) -> str:
    if cell.casefold() not in _KINDS:
        raise ValueError(_("Un genre est « medicament » ou « parapharmacie »."))
    return str(_KINDS[cell.casefold()])


def shown_kind(kind: str) -> str:
    return next(name for name, each in _KINDS.items() if each == kind)


def phones(cell: str) -> list[str]:
    try:
        return [to_e164(each.strip(), region=settings.PHONE_REGION) for each in cell.split(";") if each.strip()]
    except InvalidPhone as error:
        raise ValueError(_("Téléphone illisible.")) from error


def degrees(limit: int) -> Callable[[str], float]:
    def read(cell: str) -> float:
        found = _or(float, cell.replace(",", "."), _("Position illisible."))
        if not -limit <= found <= limit:
            raise ValueError(_("Position illisible."))
        return float(round(found, 6))

    return read


def moment(cell: str) -> datetime:
    """Local, unless it says otherwise."""
    moment = _or(parse_datetime, cell, _("Date illisible."))
    if moment is None:
        raise ValueError(_("Date illisible."))
    aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    if not is_reasonable(aware):
        raise ValueError(UNREASONABLE)
    return aware


def surcharge(cell: str) -> int:
    found = _or(int, cell.replace(" ", ""), _("Majoration illisible."))
    if not 0 <= found <= _LARGEST_SURCHARGE:
        raise ValueError(_("Majoration illisible."))
    return int(found)


def unknown_pharmacies(codes: set[str]) -> set[str]:
    return codes - set(Pharmacy.objects.filter(code__in=codes).values_list("code", flat=True))
