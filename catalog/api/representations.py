"""Rows of the selectors as the API shows them, written by hand: these lists are the hot ones."""

from typing import Any

from catalog.availability import Offer
from catalog.selectors import Row


def pharmacy(row: Row) -> dict[str, Any]:
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
        # Only who never closes is known to be open: hours are free text.
        "is_on_duty": row["always_open"],
        "open_until": None,
        "distance_km": _rounded(row["distance_km"]),
    }


def offer(item: Offer) -> dict[str, Any]:
    shown = pharmacy(item.pharmacy)
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
