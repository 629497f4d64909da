"""Reads of the catalogue: rows as dictionaries, ready for hot lists."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, FloatField, QuerySet, Value
from django.db.models.functions import Upper

from catalog import opening
from catalog.geo import Position, bounding_box, distance_km
from catalog.models import Pharmacy, PharmacyMember, Product, SearchEntry
from catalog.substances import upper_forms
from catalog.text import normalize, words

Row = dict[str, Any]

PRODUCT_FIELDS = (
    "code",
    "label",
    "substance",
    "form",
    "category",
    "kind",
    "prescription_required",
    "price",
    "price_is_indicative",
    "currency",
    "is_active",
    "source",
    "updated_at",
)
PHARMACY_FIELDS = (
    "id",
    "code",
    "name",
    "town",
    "quarter",
    "phones",
    "latitude",
    "longitude",
    "position_is_approximate",
    "hours",
    "hours_status",
    "always_open",
    "accepts_cnamgs",
)


def check_health() -> bool:
    """Raises where products cannot be read."""
    Product.objects.exists()
    return True


def products(*, kind: str | None = None, form: str = "", category: str = "") -> QuerySet[Product, Row]:
    """Product rows (`PRODUCT_FIELDS`) in the order of their labels."""
    found: QuerySet[Product, Row] = Product.objects.order_by("label", "code").values(*PRODUCT_FIELDS)
    wanted = {name: value for name, value in (("kind", kind), ("form", form), ("category", category)) if value}
    return found.filter(**wanted) if wanted else found


def codes_of_substance(substance: str, **filters: str | None) -> QuerySet[SearchEntry, str]:
    """The generics of one group, the originator among them: codes of what has just these substances."""
    found = SearchEntry.objects.annotate(upper=Upper("substance")).filter(upper__in=upper_forms(substance))
    found = found.filter(**{name: value for name, value in filters.items() if value})
    codes: QuerySet[SearchEntry, str] = found.order_by("-is_active", "label", "code").values_list("code", flat=True)
    return codes


def product(code: str) -> Row | None:
    found: Row | None = Product.objects.filter(code=code).values(*PRODUCT_FIELDS).first()
    return found


def products_by_code(codes: Sequence[str]) -> list[Row]:
    """The rows of those codes that exist, in the order of the codes."""
    rows = {row["code"]: row for row in Product.objects.order_by().filter(code__in=codes).values(*PRODUCT_FIELDS)}
    return [rows[code] for code in codes if code in rows]


def product_exists(code: str) -> bool:
    """Asked of the search entries, which are there also while the products' database is down."""
    return SearchEntry.objects.filter(code=code).exists()


def pharmacies(
    *,
    near: Position | None = None,
    radius_km: float | None = None,
    town: str = "",
    q: str = "",
    member_id: int | None = None,
    open_at: datetime | None = None,
    on_duty_at: datetime | None = None,
) -> QuerySet[Pharmacy, Row]:
    """Listed pharmacies as rows (`PHARMACY_FIELDS`, `distance_km`); nearest first where `near` is given.

    A radius needs a `near` and leaves out who has no position. `town` and the words of `q` ignore accents and case;
    each word must occur in name, town, quarter or code. `member_id` is the user who is a member of them, and sees those
    that are not listed too. `open_at` and `on_duty_at` leave those that are known to be open, or on duty, then.
    """
    found = opening.listed() if member_id is None else Pharmacy.objects.filter(is_active=True)
    if open_at is not None:
        found = opening.open_at(found, open_at)
    if on_duty_at is not None:
        found = opening.on_duty(found, on_duty_at)
    if town:
        found = found.filter(town_key=normalize(town))
    for word in words(q):
        found = found.filter(search_text__contains=word)
    if member_id is not None:
        found = found.filter(pk__in=PharmacyMember.objects.filter(user_id=member_id).values("pharmacy_id"))
    found = found.annotate(distance_km=distance_from(near))
    if near is not None and radius_km is not None:
        found = found.filter(bounding_box(near, radius_km), distance_km__lte=radius_km)
    rows: QuerySet[Pharmacy, Row] = found.order_by(*nearest_first(near), "name", "id").values(
        *PHARMACY_FIELDS, "distance_km"
    )
    return rows


def pharmacy(code: str) -> Row | None:
    found = Pharmacy.objects.filter(code=code, is_active=True).annotate(distance_km=distance_from(None))
    row: Row | None = found.values(*PHARMACY_FIELDS, "distance_km").first()
    return row


def with_openings(rows: Iterable[Row], instant: datetime) -> list[Row]:
    """Pharmacy rows with what there is to tell of each at `instant`, as `opening`."""
    rows = list(rows)
    told = opening.openings_of([(row["id"], row["always_open"], row["hours_status"]) for row in rows], instant)
    return [{**row, "opening": told[row["id"]]} for row in rows]


def nearest_first(near: Position | None) -> list[Any]:
    """For rows with a `distance_km`: the first terms of their order."""
    return [F("distance_km").asc(nulls_last=True)] if near else []


def distance_from(near: Position | None, *, prefix: str = "") -> Any:
    """The expression for `distance_km`; NULL without a `near`."""
    return distance_km(near, prefix=prefix) if near else Value(None, output_field=FloatField())
