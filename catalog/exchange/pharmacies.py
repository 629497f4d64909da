"""Pharmacies and their turns of duty as files."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.fields import Field

from catalog.exchange import cells as read
from catalog.models import DutyPeriod, Pharmacy, validate_code
from catalog.rows import DutyRow, PharmacyRow
from catalog.services.hours import import_duty
from catalog.services.pharmacies import upsert_pharmacies
from common.chunks import by_pk
from common.exchange.resources import (
    Column,
    Key,
    RowResource,
    Values,
    currency,
    shown_yes_or_no,
    text,
    yes_or_no,
)


class PharmacyResource(RowResource):
    name, title = "pharmacies", gettext_lazy("Pharmacies")
    required = key_columns = ("code",)
    view_permission = "catalog.view_pharmacy"
    change_permission, add_permission = "catalog.change_pharmacy", "catalog.add_pharmacy"

    code = Field("code", "code", Column(text(32)))
    label = Field("name", "nom", Column(text(200)))
    town = Field("town", "ville", Column(text(120)))
    quarter = Field("quarter", "quartier", Column(text(200)))
    phones = Field("phones", "telephones", Column(read.phones, "; ".join))
    latitude = Field("latitude", "latitude", Column(read.degrees(90)))
    longitude = Field("longitude", "longitude", Column(read.degrees(180)))
    hours = Field("hours", "horaires", Column(text(2_000)))
    always_open = Field("always_open", "garde_24h", Column(yes_or_no, shown_yes_or_no))

    def rows(self) -> Iterator[Pharmacy]:
        yield from Pharmacy.objects.order_by("code")

    def read_key(self, cells: Values) -> Key:
        code = str(cells["code"])
        try:
            # As the page of a pharmacy has it: its address holds nothing else.
            validate_code(code)
        except ValidationError as error:
            raise ValueError(_("Code illisible.")) from error
        return code

    def stored(self, keys: Sequence[Key]) -> dict[Key, Values]:
        found = Pharmacy.objects.filter(code__in=keys)
        fields = [(field.column_name, field.attribute) for field in self.get_import_fields()]
        return {
            each.code: {name: getattr(each, attribute) for name, attribute in fields}
            | {"approximate": each.position_is_approximate}
            for each in found
        }

    def missing(self, values: Values) -> str:
        return "" if values.get("nom") and values.get("ville") else _("Nom ou ville manquants.")

    def wrong(self, values: Values) -> str:
        one_only = (values.get("latitude") is None) != (values.get("longitude") is None)
        return _("Position illisible.") if one_only else ""

    def write(self, rows: Sequence[tuple[Key, Values]], *, source: str, left_out: int, by: Any) -> None:
        stored = self.stored([key for key, _values in rows])
        pharmacies = []
        for key, values in rows:
            old = stored.get(key, {})
            moved = any(values.get(name) != old.get(name) for name in ("latitude", "longitude"))
            pharmacies.append(
                PharmacyRow(
                    code=values["code"],
                    name=values["nom"],
                    town=values["ville"],
                    quarter=values.get("quartier") or "",
                    phones=tuple(values.get("telephones") or ()),
                    latitude=values.get("latitude"),
                    longitude=values.get("longitude"),
                    position_is_approximate=not moved and bool(old.get("approximate")),
                    hours=values.get("horaires") or "",
                    always_open=bool(values.get("garde_24h")),
                )
            )
        upsert_pharmacies(pharmacies, source=source, left_out=left_out, by=by)


class DutyResource(RowResource):
    name, title = "duty", gettext_lazy("Gardes")
    required = ("pharmacie", "debut", "fin")
    key_columns = ("pharmacie", "debut")
    view_permission = "catalog.view_dutyperiod"
    change_permission, add_permission = "catalog.change_dutyperiod", "catalog.add_dutyperiod"

    pharmacy = Field("pharmacy__code", "pharmacie", Column(text(32)))
    starts_at = Field("starts_at", "debut", Column(read.moment))
    ends_at = Field("ends_at", "fin", Column(read.moment))
    zone = Field("zone", "zone", Column(text(120)))
    surcharge = Field("surcharge", "majoration", Column(read.surcharge))
    currency = Field("currency", "devise", Column(currency))

    def rows(self) -> Iterator[DutyPeriod]:
        for rows in by_pk(DutyPeriod.objects.select_related("pharmacy")):
            yield from rows

    def read_key(self, cells: Values) -> Key:
        return cells["pharmacie"], cells["debut"]

    def named(self, key: Any) -> str:
        return f"{key[0]} {timezone.localtime(key[1]):%Y-%m-%d %H:%M}"

    def stored(self, keys: Sequence[Key]) -> dict[Key, Values]:
        pairs: list[Any] = list(keys)
        found = DutyPeriod.objects.filter(
            pharmacy__code__in={pharmacy for pharmacy, _start in pairs},
            starts_at__in={start for _pharmacy, start in pairs},
        ).select_related("pharmacy")
        fields = [(field.column_name, field.attribute) for field in self.get_import_fields()[1:]]
        return {
            (each.pharmacy.code, each.starts_at): {"pharmacie": each.pharmacy.code}
            | {name: getattr(each, attribute) for name, attribute in fields}
            for each in found
        }

    def refuse(self, keys: Sequence[Key]) -> dict[Key, str]:
        pairs: list[Any] = list(keys)
        unknown = read.unknown_pharmacies({pharmacy for pharmacy, _start in pairs})
        return {pair: _("Pharmacie inconnue.") for pair in pairs if pair[0] in unknown}

    def wrong(self, values: Values) -> str:
        return "" if values["fin"] > values["debut"] else _("La fin précède le début.")

    def write(self, rows: Sequence[tuple[Key, Values]], *, source: str, left_out: int, by: Any) -> None:
        turns = [
            DutyRow(
                values["pharmacie"],
                values["debut"],
                values["fin"],
                values.get("zone") or "",
                values.get("majoration") or 0,
                values.get("devise") or settings.CURRENCY,
            )
            for _key, values in rows
        ]
        import_duty(turns, source=source, left_out=left_out, by=by)
