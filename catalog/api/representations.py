"""Rows of the selectors as the API shows them, written by hand: these lists are the hot ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rest_framework.serializers import DateTimeField

from catalog.availability import Offer
from catalog.opening import Opening
from catalog.search import SearchHit
from catalog.selectors import Row, with_openings

_time = DateTimeField()


def pharmacy(row: Row) -> dict[str, Any]:
    """A row with its `opening` (`selectors.with_openings`)."""
    told: Opening = row["opening"]
    has_position = row["latitude"] is not None
    return {
        "code": row["code"],
        "name": row["name"],
        "town": row["town"],
        "quarter": row["quarter"],
        "phones": row["phones"],
        "position": {
            "lat": row["latitude"],
            "lon": row["longitude"],
            "approximate": row["position_is_approximate"],
        }
        if has_position
        else None,
        "hours": row["hours"],
        "is_open": told.is_open,
        "open_until": None if told.open_until is None else _time.to_representation(told.open_until),
        "is_on_duty": told.is_on_duty,
        "duty_surcharge": told.surcharge,
        "accepts_cnamgs": row["accepts_cnamgs"],
        "distance_km": _rounded(row["distance_km"]),
    }


def offers(items: Sequence[Offer], instant: datetime) -> list[dict[str, Any]]:
    rows = with_openings([item.pharmacy for item in items], instant)
    return [_offer(item, row) for item, row in zip(items, rows, strict=True)]


def _offer(item: Offer, row: Row) -> dict[str, Any]:
    shown = pharmacy(row)
    return {
        "pharmacy": shown,
        "quantity": item.quantity,
        "price": item.price,
        "currency": item.currency,
        "distance_km": shown["distance_km"],
        "observed_at": item.observed_at,
        "source": str(item.source),
    }


def _rounded(distance_km: float | None) -> float | None:
    return None if distance_km is None else round(distance_km, 3)


def suggestion(hit: SearchHit) -> dict[str, Any]:
    return {
        "text": hit.label,
        "code": hit.code,
        "substance": hit.substance,
        "kind": hit.kind,
        "is_active": hit.is_active,
    }
