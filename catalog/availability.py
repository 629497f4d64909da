"""Who has it: local stock, and EPG for the pharmacies whose software it knows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from catalog import epg, opening
from catalog.enums import OfferSource
from catalog.epg import availability as epg_availability
from catalog.epg.codes import cip_key, is_cip
from catalog.geo import Position
from catalog.holds import units_held
from catalog.models import Pharmacy, Stock
from catalog.selectors import PHARMACY_FIELDS, Row, distance_from, nearest_first
from catalog.text import normalize
from common.money import XAF


@dataclass(frozen=True, slots=True)
class Offer:
    """A product that a pharmacy can hand out, `price` each, as it was at `observed_at`.

    `quantity` is what is on the shelf, holds taken off; 0 where EPG says that there is none, None where it says that
    there is some: it does not say how many.
    `price` is always the pharmacy's own (`Stock.price`): EPG tells none. `pharmacy` has `PHARMACY_FIELDS` and
    `distance_km`; `selectors.with_openings` adds `opening`.
    """

    pharmacy: Row
    product: str
    quantity: int | None
    price: int | None
    currency: str
    observed_at: datetime
    source: OfferSource


@dataclass(frozen=True, slots=True)
class Area:
    """Which of the listed pharmacies: within `radius_km` of `near`, known to be open at `open_at`, just that one."""

    near: Position | None = None
    radius_km: float | None = None
    open_at: datetime | None = None
    pharmacy_id: int | None = None

    def condition(self, prefix: str = "") -> Q:
        found = opening.listed() if self.open_at is None else opening.open_at(opening.listed(), self.open_at)
        if self.pharmacy_id is not None:
            found = found.filter(pk=self.pharmacy_id)
        wanted = Q(**{f"{prefix}pk__in": found.order_by().values("pk")})
        return wanted if self.radius_km is None else wanted & Q(distance_km__lte=self.radius_km)


def offers(codes: Collection[str], area: Area, *, is_anonymous: bool = False) -> list[Offer]:
    """What listed pharmacies have of these products; nearest first with `near`, else by name.

    Waits for EPG at most `EPG_AVAILABILITY_SECONDS`, without a database connection. With EPG, its "there is none" is an
    offer of zero. `is_anonymous` callers have fewer pharmacies asked, the first in that order, and less often: raises
    `RateLimited` (429).
    """
    cips = _told_by_epg(codes)
    local = _on_shelves(codes, area)
    upstream = _at_epg(cips, area, is_anonymous=is_anonymous) if cips else []
    if not upstream:
        return local
    return sorted(local + upstream, key=_nearest_then_name)


def has_local_pharmacies(area: Area) -> bool:
    """Whether there is a pharmacy in the area whose stock is counted here, be it none."""
    found = Pharmacy.objects.annotate(distance_km=distance_from(area.near)).filter(area.condition())
    return (found.filter(epg_id="") if epg.is_on() else found).exists()


def counted(codes: Collection[str]) -> QuerySet[Stock]:
    """The stock of these products that is counted here: of pharmacies behind EPG only what EPG cannot know."""
    found = Stock.objects.filter(product_code__in=codes)
    # Their own count is whatever it was when EPG took over.
    return found.exclude(~Q(pharmacy__epg_id=""), product_code__in=cips) if (cips := _told_by_epg(codes)) else found


def _told_by_epg(codes: Collection[str]) -> list[str]:
    return sorted(code for code in codes if is_cip(code)) if epg.is_on() else []


def _on_shelves(codes: Collection[str], area: Area) -> list[Offer]:
    found = (
        counted(codes)
        .annotate(distance_km=distance_from(area.near, prefix="pharmacy__"))
        .filter(area.condition("pharmacy__"), quantity__gt=0)
    )
    rows: QuerySet[Stock, Row] = found.order_by(*nearest_first(area.near), "pharmacy__name", "pharmacy_id").values(
        "id",
        "product_code",
        "quantity",
        "price",
        "currency",
        "observed_at",
        "distance_km",
        *(f"pharmacy__{name}" for name in PHARMACY_FIELDS),
    )
    held = units_held([row["id"] for row in rows])
    return [
        Offer(
            pharmacy={
                **{name: row[f"pharmacy__{name}"] for name in PHARMACY_FIELDS},
                "distance_km": row["distance_km"],
            },
            product=row["product_code"],
            quantity=free,
            price=row["price"],
            currency=row["currency"],
            observed_at=row["observed_at"],
            source=OfferSource.STOCK,
        )
        for row in rows
        if (free := row["quantity"] - held.get(row["id"], 0)) > 0
    ]


def _at_epg(codes: Sequence[str], area: Area, *, is_anonymous: bool) -> list[Offer]:
    pharmacies = list(
        Pharmacy.objects.annotate(distance_km=distance_from(area.near))
        .filter(area.condition(), ~Q(epg_id=""))
        .order_by(*nearest_first(area.near), "name", "pk")
        .values("epg_id", *PHARMACY_FIELDS, "distance_km")
    )
    priced = Stock.objects.filter(pharmacy_id__in=[row["id"] for row in pharmacies], product_code__in=codes)
    prices = {
        (pharmacy_id, code): (price, currency)
        for pharmacy_id, code, price, currency in priced.values_list("pharmacy_id", "product_code", "price", "currency")
    }
    seen = epg_availability.look({row["epg_id"]: codes for row in pharmacies}, is_anonymous=is_anonymous)
    found = []
    for row in pharmacies:
        for code in codes:
            said = seen.get((row["epg_id"], cip_key(code)))
            if said is None:
                continue
            price, currency = prices.get((row["id"], code), (None, XAF))
            found.append(
                Offer(
                    pharmacy={name: row[name] for name in (*PHARMACY_FIELDS, "distance_km")},
                    product=code,
                    quantity=None if said.is_available else 0,
                    price=price,
                    currency=currency,
                    observed_at=said.observed_at,
                    source=OfferSource.STALE if said.is_stale else OfferSource.EPG,
                )
            )
    return found


def _nearest_then_name(offer: Offer) -> tuple[Any, ...]:
    distance = offer.pharmacy["distance_km"]
    return (distance is None, distance or 0, normalize(offer.pharmacy["name"]), offer.pharmacy["code"])
