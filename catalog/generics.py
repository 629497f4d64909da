"""Which products may stand in for one another: the same substances, form, strength and size of pack."""

import re
from collections.abc import Collection
from decimal import Decimal

from django.db.models.functions import Upper

from catalog.models import SearchEntry
from catalog.substances import upper_forms

# Of one product; every one more is asked about at every pharmacy.
MOST = 10

_AMOUNT = re.compile(
    r"(\d{1,3}(?:[ \u00a0\u202f]\d{3})+|\d+)(?:[.,](\d+))?\s*"
    r"(?:(µg|μg|microgrammes?|mg|g|kg|µl|μl|ml|cl|l|%|ui)(?![^\W\d_]))?"
)
# "5 mg/ml" is five milligrams in one millilitre.
_PER = re.compile(r"/\s*(?=(?:mg|g|µl|μl|ml|cl|l)(?![^\W\d_]))")
# Each unit as so many of the smallest of its kind.
_UNITS: dict[str, tuple[str, Decimal]] = {
    **{name: ("mass", Decimal(1)) for name in ("µg", "μg", "microgramme", "microgrammes")},
    "mg": ("mass", Decimal(10**3)),
    "g": ("mass", Decimal(10**6)),
    "kg": ("mass", Decimal(10**9)),
    **{name: ("volume", Decimal(1)) for name in ("µl", "μl")},
    "ml": ("volume", Decimal(10**3)),
    "cl": ("volume", Decimal(10**4)),
    "l": ("volume", Decimal(10**6)),
    "%": ("%", Decimal(1)),
    "ui": ("ui", Decimal(1)),
}

Amounts = tuple[tuple[str, Decimal], ...]


def amounts(label: str) -> Amounts:
    """Every number of a label with its unit, as they come: `1 g … de 8` and `1000 mg … de 8` say the same.

    The order tells which of two substances there is how much of. A label that says it in other words says something
    else here: nothing is offered rather than the wrong thing.
    """
    found = []
    for whole, decimals, unit in _AMOUNT.findall(_PER.sub("/1 ", label.lower())):
        kind, size = _UNITS.get(unit, ("", Decimal(1)))
        number = Decimal(f"{re.sub(r'[^0-9]', '', whole)}.{decimals or 0}")
        found.append((kind, (number * size).normalize()))
    return tuple(found)


def generics_of(codes: Collection[str]) -> dict[str, list[str]]:
    """For each of these products the codes of others that may replace it; none of them one of `codes`."""
    asked = list(SearchEntry.objects.filter(code__in=codes).exclude(substance="").order_by("code"))
    if not asked:
        return {}
    others = (
        SearchEntry.objects.annotate(upper=Upper("substance"))
        .filter(upper__in={form for entry in asked for form in upper_forms(entry.substance)})
        .filter(form__in={entry.form for entry in asked})
        .filter(is_active=True)
        .exclude(code__in=codes)
        .order_by("label", "code")
    )
    groups: dict[tuple[str, str, str, Amounts], list[str]] = {}
    for entry in others:
        groups.setdefault(_group(entry), []).append(entry.code)
    return {entry.code: groups.get(_group(entry), [])[:MOST] for entry in asked}


def _group(entry: SearchEntry) -> tuple[str, str, str, Amounts]:
    return entry.substance.upper(), entry.form, entry.kind, amounts(entry.label)
