"""Pharmacies. No other code writes them."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from catalog.enums import HoursStatus
from catalog.exceptions import EpgIdTaken
from catalog.geo import rounded
from catalog.models import Pharmacy
from catalog.models.pharmacies import EPG_ID
from catalog.rows import Counts, PharmacyRow
from catalog.services.bulk import rehearsable, upsert
from catalog.services.hours import read_imported_hours
from catalog.services.rules import Rule
from catalog.signals import pharmacies_imported
from catalog.text import normalize
from common import sql
from common.errors import FieldError, Invalid
from common.sql import violates
from common.unit_of_work import unit_of_work

_COLUMNS = (
    "code",
    "name",
    "town",
    "quarter",
    "phones",
    "latitude",
    "longitude",
    "position_is_approximate",
    "hours",
    "always_open",
    "is_active",
    "epg_id",
    "hours_status",
    "accepts_cnamgs",
    "is_listed",
    "search_text",
    "town_key",
)
# What nobody's list of pharmacies knows: staff decides it.
_OURS = frozenset({"is_active", "epg_id", "hours_status", "accepts_cnamgs", "is_listed"})
# The town's position must not replace the house's own.
_EXACT_POSITION_STAYS = (
    "CASE WHEN {{new}}.position_is_approximate AND NOT {{old}}.position_is_approximate "
    "AND {{old}}.latitude IS NOT NULL THEN {{old}}.{0} ELSE {{new}}.{0} END"
)


def save_pharmacy(pharmacy: Pharmacy, *, by: User | None, reads_hours: bool = True) -> Pharmacy:
    """Store a new or edited pharmacy with the words it is found by, and what its hours mean, unless hours that were
    entered together with it are stored next: those count, and not the text.

    Raises `Invalid` (400) for an `epg_id` that is none of EPG's, `EpgIdTaken` (409) for one of another pharmacy.
    """
    pharmacy.epg_id = _epg_id(pharmacy.epg_id)
    pharmacy.search_text = _search_text(pharmacy.name, pharmacy.town, pharmacy.quarter, pharmacy.code)
    pharmacy.town_key = normalize(pharmacy.town)
    pharmacy.latitude, pharmacy.longitude = rounded(pharmacy.latitude), rounded(pharmacy.longitude)
    with unit_of_work():
        try:
            with transaction.atomic():
                pharmacy.save()
        except IntegrityError as error:
            if not violates(error, Pharmacy, "pharmacy_epg_id_once"):
                raise
            raise EpgIdTaken from error
        if reads_hours:
            read_imported_hours(pharmacy)
    return pharmacy


def upsert_pharmacies(
    rows: Iterable[PharmacyRow],
    *,
    source: str = "",
    left_out: int = 0,
    dry_run: bool = False,
    by: User | None = None,
) -> Counts:
    """Create or update so many pharmacies; what does not differ is not touched. A dry run takes it back.

    Of rows with the same code the last one counts; `left_out` rows were refused before and are only announced.
    """
    distinct = {row.code: row for row in rows}
    with rehearsable(dry_run=dry_run):
        counts = upsert(
            Pharmacy,
            map(_values, distinct.values()),
            columns=_COLUMNS,
            key=("code",),
            keep=_OURS,
            rules={
                name: Rule(_EXACT_POSITION_STAYS.format(name))
                for name in ("latitude", "longitude", "position_is_approximate")
            },
        ).counts
        read_imported_hours()
        if counts.changed:
            pharmacies_imported.send(Pharmacy, source=source, counts={**asdict(counts), "left_out": left_out}, by=by)
    return counts


def _values(row: PharmacyRow) -> list[Any]:
    values = {
        **asdict(row),
        "phones": sql.adapt(list(row.phones), Pharmacy._meta.get_field("phones")),
        "latitude": rounded(row.latitude),
        "longitude": rounded(row.longitude),
        "is_active": True,
        "epg_id": "",
        "hours_status": HoursStatus.UNKNOWN,
        "accepts_cnamgs": False,
        "is_listed": True,
        "search_text": _search_text(row.name, row.town, row.quarter, row.code),
        "town_key": normalize(row.town),
    }
    return [values[column] for column in _COLUMNS]


def _epg_id(given: str) -> str:
    epg_id = given.strip().lower()
    if epg_id:
        try:
            EPG_ID(epg_id)
        except ValidationError as error:
            raise Invalid(errors=[FieldError("epg_id", "invalid", error.messages[0])]) from error
    return epg_id


def _search_text(*parts: str) -> str:
    return normalize(*parts)
