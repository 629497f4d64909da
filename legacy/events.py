"""The event log as the old sites read it: the newest first, each list one query and a few for what the rows name."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Account, PriceList, Rate, User
from audit.models import Event
from legacy import actions, shapes
from legacy.shapes import Row
from payments.models import Payment

_COLUMNS = "id occurred_at action entity entity_id actor_kind actor_id amount changes personal__ip".split()
_CHUNK = 5_000
# Nothing happened before or will after, and beyond them no zone can be computed.
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(9998, 12, 31)


def newest(limit: int) -> list[Row]:
    """The newest events of all kinds, each with the person and the row that it names."""
    events = _shaped(Event.objects.all(), limit)
    people = _by_id(User.objects.all(), (row["current_user_id"] for row in events), shapes.user)
    named: dict[str, dict[int, Row]] = {
        entity: _by_id(rows, (_number(row["entity_id"]) for row in events if row["entity"] == entity), shape)
        for entity, rows, shape in (
            ("users", User.objects.all(), shapes.user),
            ("accounts", Account.objects.select_related("user", "rate"), shapes.account),
            ("rates", Rate.objects.all(), shapes.rate),
            ("pricelists", PriceList.objects.all(), shapes.price_list),
        )
    }
    for row in events:
        row["current_user"] = people.get(row["current_user_id"])
        if row["entity_id"] is not None:
            row["current_entity"] = named.get(row["entity"], {}).get(_number(row["entity_id"]) or 0)
    return events


def of_the_six(limit: int, *, first: date | None = None, last: date | None = None) -> list[Row]:
    """The newest events of the six kinds that the sites count; between two days of `TIME_ZONE`, both included."""
    found = Event.objects.filter(action__in=actions.six_actions()).filter(actions.of_the_six())
    if first is not None:
        found = found.filter(occurred_at__gte=_midnight(_computable(first)))
    if last is not None:
        found = found.filter(occurred_at__lt=_midnight(_computable(last) + timedelta(days=1)))
    return _shaped(found, limit)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _computable(day: date) -> date:
    return min(max(day, _FIRST_DAY), _LAST_DAY)


def _shaped(events: QuerySet[Event], limit: int) -> list[Row]:
    rows = list(events.order_by("-id").values(*_COLUMNS)[:limit])
    payments = _payments(rows)
    # Asked once: of ten thousand rows looking it up anew is a quarter of the work.
    zone = timezone.get_current_timezone()
    return [_shape(row, payments, zone) for row in rows]


def _shape(row: Row, payments: dict[str, Payment], zone: tzinfo) -> Row:
    text = actions.text_of(row["action"], row["entity"], row["changes"])
    payment = payments.get(str(row["changes"].get("reference", "")))
    actor = _number(row["actor_id"]) if row["actor_kind"] == "user" else None
    return {
        "id": row["id"],
        "ip_address": row["personal__ip"] or None,
        "action": text,
        "entity": actions.ENTITIES.get(row["entity"], row["entity"]),
        "entity_id": row["entity_id"] or None,
        # Whoever bought a pack, not the gateway that told us.
        "current_user_id": payment.user_id if payment else actor,
        "amount": _amount(row, payment) if text == actions.SUBSCRIPTION else None,
        "date_time": row["occurred_at"].astimezone(zone).isoformat(),
    }


def _amount(row: Row, payment: Payment | None) -> int | None:
    """In francs: of a pack that was paid the event itself counts the credits."""
    if payment is not None:
        return payment.amount
    is_in_credits = row["action"] == "credits.rate" and actions.IMPORTED not in row["changes"]
    return None if is_in_credits else row["amount"]


def _payments(rows: list[Row]) -> dict[str, Payment]:
    """The payments behind packs that were bought, by the reference that the ledger gave them."""
    numbers = [
        UUID(reference.removeprefix("payment:"))
        for row in rows
        if row["action"] == "credits.rate"
        and (reference := str(row["changes"].get("reference", ""))).startswith("payment:")
    ]
    found: dict[str, Payment] = {}
    for start in range(0, len(numbers), _CHUNK):
        some = Payment.objects.filter(public_id__in=numbers[start : start + _CHUNK])
        found |= {f"payment:{each.public_id}": each for each in some.only("public_id", "user_id", "amount")}
    return found


def _by_id(rows: QuerySet[Any], ids: Iterable[int | None], shape: Callable[[Any], Row]) -> dict[int, Row]:
    wanted = sorted({each for each in ids if each})
    found: dict[int, Row] = {}
    for start in range(0, len(wanted), _CHUNK):
        found |= {each.pk: shape(each) for each in rows.filter(pk__in=wanted[start : start + _CHUNK])}
    return found


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else None
